package net.parcels.db;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Instant;
import javax.sql.DataSource;

public class ParcelStore {
    private final DataSource dataSource;

    public ParcelStore(DataSource dataSource) {
        this.dataSource = dataSource;
    }

    public void add(long id) {
        try (Connection connection = dataSource.getConnection();
             PreparedStatement statement =
                 connection.prepareStatement("insert into parcels (id, state) values (?, 'open') on conflict (id) do nothing")) {
            statement.setLong(1, id);
            statement.executeUpdate();
        } catch (SQLException failure) {
            throw new IllegalStateException(failure);
        }
    }

    public Parcel find(long id) {
        try (Connection connection = dataSource.getConnection();
             PreparedStatement statement =
                 connection.prepareStatement("select id, state, weight, version, updated_at from parcels where id = ?")) {
            statement.setLong(1, id);
            ResultSet row = statement.executeQuery();
            row.next();
            return new Parcel(
                row.getLong("id"), row.getString("state"), row.getLong("weight"), row.getLong("version"),
                row.getTimestamp("updated_at").toInstant());
        } catch (SQLException failure) {
            throw new IllegalStateException(failure);
        }
    }

    public void setState(long id, String state) {
        try (Connection connection = dataSource.getConnection();
             PreparedStatement statement = connection.prepareStatement("update parcels set state = ? where id = ?")) {
            statement.setString(1, state);
            statement.setLong(2, id);
            statement.executeUpdate();
        } catch (SQLException failure) {
            throw new IllegalStateException(failure);
        }
    }

    /** Only while the version that was read is still there. */
    public boolean setState(long id, String state, long version) {
        try (Connection connection = dataSource.getConnection();
             PreparedStatement statement = connection.prepareStatement(
                 "update parcels set state = ?, version = version + 1 where id = ? and version = ?")) {
            statement.setString(1, state);
            statement.setLong(2, id);
            statement.setLong(3, version);
            return statement.executeUpdate() == 1;
        } catch (SQLException failure) {
            throw new IllegalStateException(failure);
        }
    }

    public void setWeight(long id, long weight) {
        try (Connection connection = dataSource.getConnection();
             PreparedStatement statement = connection.prepareStatement("update parcels set weight = ? where id = ?")) {
            statement.setLong(1, weight);
            statement.setLong(2, id);
            statement.executeUpdate();
        } catch (SQLException failure) {
            throw new IllegalStateException(failure);
        }
    }

    public void addScan(long id) {
        try (Connection connection = dataSource.getConnection();
             PreparedStatement statement = connection.prepareStatement("update parcels set scans = scans + 1 where id = ?")) {
            statement.setLong(1, id);
            statement.executeUpdate(); // finds: redelivery-without-dedup
        } catch (SQLException failure) {
            throw new IllegalStateException(failure);
        }
    }

    public void seen(String id) {
        try (Connection connection = dataSource.getConnection();
             PreparedStatement statement = connection.prepareStatement("update parcels set seen = true where id = ?")) {
            statement.setString(1, id);
            statement.executeUpdate();
        } catch (SQLException failure) {
            throw new IllegalStateException(failure);
        }
    }

    public void report(long id, String place, Instant updatedAt) {
        try (Connection connection = dataSource.getConnection();
             PreparedStatement statement = connection.prepareStatement(
                 "insert into positions (parcel, place, updated_at) values (?, ?, ?) on conflict (parcel) do update set"
                     + " place = excluded.place, updated_at = excluded.updated_at where excluded.updated_at > positions.updated_at")) {
            statement.setLong(1, id);
            statement.setString(2, place);
            statement.setTimestamp(3, Timestamp.from(updatedAt));
            statement.executeUpdate(); // finds: last-write-wins
        } catch (SQLException failure) {
            throw new IllegalStateException(failure);
        }
    }
}
