package net.parcels.work;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import net.parcels.db.ParcelStore;
import net.parcels.feed.Feed;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

public class ScanConsumer implements Runnable {
    private static final Logger log = LoggerFactory.getLogger(ScanConsumer.class);
    private final KafkaConsumer<String, String> consumer;
    private final ParcelStore store;
    private final Feed feed;

    public ScanConsumer(KafkaConsumer<String, String> consumer, ParcelStore store, Feed feed) {
        this.consumer = consumer;
        this.store = store;
        this.feed = feed;
    }

    @Override
    public void run() {
        consumer.subscribe(List.of("scans"));
        while (!Thread.currentThread().isInterrupted()) {
            ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(500));
            for (ConsumerRecord<String, String> record : records) {
                try {
                    scan(record);
                } catch (Exception failure) { // finds: swallowed-consumer-error
                    log.error("scan {} was left out", record.offset(), failure);
                }
            }
            consumer.commitSync();
        }
    }

    private void scan(ConsumerRecord<String, String> record) throws Exception {
        long id = Long.parseLong(record.key());
        store.addScan(id);
        store.report(id, record.value(), Instant.ofEpochMilli(record.timestamp()));
        feed.scanned(id);
    }
}
