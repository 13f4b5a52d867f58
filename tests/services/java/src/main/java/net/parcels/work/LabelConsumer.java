package net.parcels.work;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Delivery;
import java.io.IOException;
import net.parcels.db.ParcelStore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

public class LabelConsumer {
    private static final Logger log = LoggerFactory.getLogger(LabelConsumer.class);
    private final ParcelStore store;

    public LabelConsumer(ParcelStore store) {
        this.store = store;
    }

    public void start(Channel channel) throws IOException {
        channel.basicQos(10);
        channel.basicConsume("labels", false, (tag, delivery) -> label(channel, delivery), tag -> {});
        channel.basicConsume("labels.printed", false, (tag, delivery) -> printed(channel, delivery), tag -> {});
        channel.basicConsume("labels.noted", true, (tag, delivery) -> note(delivery), tag -> {});
    }

    private void label(Channel channel, Delivery delivery) throws IOException {
        long tag = delivery.getEnvelope().getDeliveryTag();
        try {
            store.add(Long.parseLong(new String(delivery.getBody())));
            channel.basicAck(tag, false);
        } catch (RuntimeException failure) {
            log.error("no label", failure);
            channel.basicNack(tag, false, false);
        }
    }

    private void printed(Channel channel, Delivery delivery) throws IOException {
        channel.basicAck(delivery.getEnvelope().getDeliveryTag(), false); // finds: ack-before-processing
        store.setState(Long.parseLong(new String(delivery.getBody())), "labelled");
    }

    private void note(Delivery delivery) {
        log.info("printed {}", new String(delivery.getBody()));
    }
}
