package net.parcels.feed;

import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

public class Feed implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Feed.class);
    private final KafkaProducer<String, String> producer;

    public Feed(KafkaProducer<String, String> producer) {
        this.producer = producer;
    }

    public void delivered(long id) {
        producer.send(new ProducerRecord<>("parcels.delivered", String.valueOf(id)), (metadata, failure) -> {
            if (failure != null) {
                log.error("{} was not told", id, failure);
            }
        });
    }

    public void accepted(long id) {
        producer.send(new ProducerRecord<>("parcels.accepted", String.valueOf(id))); // finds: enqueue-before-commit, floating-effect
    }

    public void scanned(long id) throws Exception {
        producer.send(new ProducerRecord<>("parcels.scanned", String.valueOf(id))).get();
    }

    @Override
    public void close() {
        producer.flush();
        producer.close();
    }
}
