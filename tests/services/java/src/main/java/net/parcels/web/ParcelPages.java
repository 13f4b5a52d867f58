package net.parcels.web;

import java.sql.PreparedStatement;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import net.parcels.db.Parcel;
import net.parcels.db.ParcelReader;
import net.parcels.db.ParcelStore;
import net.parcels.db.Transactions;
import net.parcels.feed.Feed;
import net.parcels.geo.Geocoder;
import net.parcels.lib.RedisLocks;
import net.parcels.work.TrackingBuffer;
import redis.clients.jedis.JedisPooled;

public class ParcelPages {
    private final ParcelStore store;
    private final ParcelReader reader;
    private final Transactions transactions;
    private final Feed feed;
    private final Geocoder geocoder;
    private final RedisLocks locks;
    private final JedisPooled jedis;
    private final TrackingBuffer buffer;
    private final Map<String, String> routes = new ConcurrentHashMap<>();

    public ParcelPages(
        ParcelStore store,
        ParcelReader reader,
        Transactions transactions,
        Feed feed,
        Geocoder geocoder,
        RedisLocks locks,
        JedisPooled jedis,
        TrackingBuffer buffer
    ) {
        this.store = store;
        this.reader = reader;
        this.transactions = transactions;
        this.feed = feed;
        this.geocoder = geocoder;
        this.locks = locks;
        this.jedis = jedis;
        this.buffer = buffer;
    }

    /** The sender's number makes a parcel known again. */
    public String accept(String number) {
        long id = Long.parseLong(number);
        transactions.run(connection -> {
            PreparedStatement statement =
                connection.prepareStatement("insert into parcels (id, state) values (?, 'open') on conflict (id) do nothing");
            statement.setLong(1, id);
            statement.executeUpdate();
            feed.accepted(id);
        });
        return number;
    }

    public String deliver(long id) {
        Parcel parcel = store.find(id);
        if (!store.setState(id, "delivered", parcel.version())) {
            return "changed meanwhile";
        }
        return reader.state(id); // finds: write-then-replica-read
    }

    public String lose(long id) {
        store.setState(id, "lost");
        return reader.state(id); // finds: write-then-replica-read
    }

    public void weigh(long id, long more) {
        Parcel parcel = store.find(id);
        store.setWeight(id, parcel.weight() + more); // finds: lost-update
    }

    public void reroute(long id) {
        locks.locked("parcel:" + id, () -> store.setState(id, "rerouted")); // finds: lock-without-fenced-write
    }

    public String show(long id) {
        String cached = jedis.get("parcel:" + id);
        if (cached != null) {
            return cached;
        }
        Parcel parcel = store.find(id); // finds: cache-stampede
        jedis.setex("parcel:" + id, 30, parcel.state());
        return parcel.state();
    }

    /** The first who asks loads it for all. */
    public String route(String address) {
        return routes.computeIfAbsent(address, this::load);
    }

    public void warm(List<String> addresses) {
        geocoder.warm(addresses);
    }

    private String load(String address) {
        try {
            return geocoder.find(address);
        } catch (Exception failure) {
            return "";
        }
    }

    public void seen(String id) {
        buffer.add(id);
    }
}
