package net.stay.booking.jobs;

import net.stay.booking.lib.Locks;
import java.sql.Timestamp;
import java.time.Duration;
import java.time.Instant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.stereotype.Component;

@Component
public class Tidying {
    private static final Logger log = LoggerFactory.getLogger(Tidying.class);
    private final JdbcTemplate jdbc;
    private final Locks locks;

    public Tidying(JdbcTemplate jdbc, Locks locks) {
        this.jdbc = jdbc;
        this.locks = locks;
    }

    @Scheduled(cron = "0 0 3 * * *")
    public void run() {
        if (!locks.tryLead("tidying")) {
            return;
        }
        long start = System.currentTimeMillis();
        try {
            jdbc.update("delete from waiting where updated_at < ?", Timestamp.from(Instant.now().minus(Duration.ofDays(30))));
        } finally {
            locks.resign("tidying");
        }
        log.info("tidied in {} ms", System.currentTimeMillis() - start);
    }
}
