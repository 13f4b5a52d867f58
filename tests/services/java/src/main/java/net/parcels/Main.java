package net.parcels;

import com.rabbitmq.client.Channel;
import io.javalin.Javalin;
import java.io.IOException;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import net.parcels.db.Databases;
import net.parcels.db.ParcelReader;
import net.parcels.db.ParcelStore;
import net.parcels.db.Transactions;
import net.parcels.feed.Feed;
import net.parcels.geo.Geocoder;
import net.parcels.lib.RedisLocks;
import net.parcels.web.ParcelPages;
import net.parcels.work.LabelConsumer;
import net.parcels.work.ScanConsumer;
import net.parcels.work.TrackingBuffer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import redis.clients.jedis.JedisPooled;

public final class Main {
    private Main() {}

    public static void main(String[] args) throws IOException {
        ParcelStore store = new ParcelStore(Databases.primary());
        ParcelReader reader = new ParcelReader(Databases.replica());
        Transactions transactions = new Transactions(Databases.primary());
        JedisPooled jedis = new JedisPooled(System.getenv("REDIS_HOST"), 6379);
        Feed feed = new Feed(new KafkaProducer<>(new Properties()));
        TrackingBuffer buffer = new TrackingBuffer(store);

        ExecutorService workers = Executors.newFixedThreadPool(4);
        workers.execute(new ScanConsumer(new KafkaConsumer<>(new Properties()), store, feed));
        workers.execute(buffer);
        new LabelConsumer(store).start(channel());

        ParcelPages pages =
            new ParcelPages(store, reader, transactions, feed, new Geocoder(), new RedisLocks(jedis), jedis, buffer);
        Javalin app = Javalin.create();
        app.post("/parcels", context -> context.result(pages.accept(context.body())));
        app.put("/parcels/{id}/delivered", context -> context.result(pages.deliver(Long.parseLong(context.pathParam("id")))));
        app.put("/parcels/{id}/weight", context -> pages.weigh(Long.parseLong(context.pathParam("id")), 1));
        app.get("/parcels/{id}", context -> context.result(pages.show(Long.parseLong(context.pathParam("id")))));
        app.get("/parcels/{id}/route", context -> context.result(pages.route(context.pathParam("id"))));
        app.put("/parcels/{id}/seen", context -> pages.seen(context.pathParam("id")));
        app.get("/routes", context -> pages.warm(context.queryParams("address")));
        app.start(7000);
    }

    private static Channel channel() throws IOException {
        try {
            com.rabbitmq.client.ConnectionFactory factory = new com.rabbitmq.client.ConnectionFactory();
            return factory.newConnection().createChannel();
        } catch (java.util.concurrent.TimeoutException late) {
            throw new IOException(late);
        }
    }
}
