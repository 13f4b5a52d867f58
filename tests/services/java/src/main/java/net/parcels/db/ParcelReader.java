package net.parcels.db;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import javax.sql.DataSource;

/** For pages that may be a little old. */
public class ParcelReader {
    private final DataSource dataSource;

    public ParcelReader(DataSource dataSource) {
        this.dataSource = dataSource;
    }

    public String state(long id) {
        try (Connection connection = dataSource.getConnection();
             PreparedStatement statement = connection.prepareStatement("select state from parcels where id = ?")) {
            statement.setLong(1, id);
            ResultSet row = statement.executeQuery();
            return row.next() ? row.getString("state") : "unknown";
        } catch (SQLException failure) {
            throw new IllegalStateException(failure);
        }
    }
}
