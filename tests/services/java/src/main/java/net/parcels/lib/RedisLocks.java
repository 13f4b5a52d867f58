package net.parcels.lib;

import java.util.List;
import java.util.UUID;
import redis.clients.jedis.JedisPooled;
import redis.clients.jedis.params.SetParams;

public class RedisLocks {
    private static final String RELEASE =
        "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end";

    private final JedisPooled jedis;

    public RedisLocks(JedisPooled jedis) {
        this.jedis = jedis;
    }

    public void locked(String name, Runnable work) {
        String key = "lock:" + name;
        String token = UUID.randomUUID().toString();
        if (jedis.set(key, token, SetParams.setParams().nx().px(15_000)) == null) {
            throw new IllegalStateException(name + " is busy");
        }
        try {
            work.run();
        } finally {
            jedis.eval(RELEASE, List.of(key), List.of(token));
        }
    }

    public boolean lockDepot(String depot) {
        return jedis.setnx("lock:depot:" + depot, "me") == 1; // finds: lock-without-expiry
    }

    public void unlockDepot(String depot) {
        jedis.del("lock:depot:" + depot); // finds: lock-release-without-owner-check
    }
}
