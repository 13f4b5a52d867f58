package net.stay.booking.store;

import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.stereotype.Component;

/** What is to be told about refunds; {@code RefundRelay} sends it. */
@Component
public class OutboxWriter {
    private final JdbcTemplate jdbc;

    public OutboxWriter(JdbcTemplate jdbc) {
        this.jdbc = jdbc;
    }

    public void add(String topic, String payload) {
        jdbc.update("insert into outbox (topic, payload) values (?, ?)", topic, payload);
    }
}
