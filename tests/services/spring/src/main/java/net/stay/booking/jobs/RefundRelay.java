package net.stay.booking.jobs;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.stereotype.Component;

@Component
public class RefundRelay {
    private final JdbcTemplate jdbc;
    private final KafkaTemplate<String, String> kafka;

    public RefundRelay(JdbcTemplate jdbc, KafkaTemplate<String, String> kafka) {
        this.jdbc = jdbc;
        this.kafka = kafka;
    }

    @Scheduled(fixedDelay = 500)
    public void run() throws ExecutionException, InterruptedException {
        List<Map<String, Object>> messages =
            jdbc.queryForList("select id, topic, payload from outbox where sent = false order by id limit 100");
        for (Map<String, Object> message : messages) {
            kafka.send((String) message.get("topic"), (String) message.get("payload")).get();
            jdbc.update("update outbox set sent = true where id = ?", message.get("id"));
        }
    }
}
