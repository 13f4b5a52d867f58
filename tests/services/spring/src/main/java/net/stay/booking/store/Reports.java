package net.stay.booking.store;

import java.util.List;
import java.util.Map;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.stereotype.Repository;

/** Reads that may be a little old go to the replica. */
@Repository
public class Reports {
    private final JdbcTemplate replicaJdbc;

    public Reports(@Qualifier("replicaJdbc") JdbcTemplate replicaJdbc) {
        this.replicaJdbc = replicaJdbc;
    }

    public String statusOf(long booking) {
        return replicaJdbc.queryForObject("select status from bookings where id = ?", String.class, booking);
    }

    public List<Map<String, Object>> byRoom() {
        return replicaJdbc.queryForList("select room_id, count(*) from bookings group by room_id");
    }

    public long pointsOf(long guest) {
        return replicaJdbc.queryForObject("select points from guests where id = ?", Long.class, guest);
    }
}
