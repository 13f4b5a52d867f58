package net.stock.lib;

import io.lettuce.core.SetArgs;
import io.lettuce.core.api.sync.RedisCommands;

public class Leases {
    private static final long LEASE_MILLIS = 15_000;
    private final RedisCommands<String, String> redis;
    private final String owner;
    private long leaseTaken;

    public Leases(RedisCommands<String, String> redis, String owner) {
        this.redis = redis;
        this.owner = owner;
    }

    public boolean take(String name) {
        boolean taken = redis.set("lease:" + name, owner, SetArgs.Builder.nx().px(LEASE_MILLIS)) != null;
        if (taken) {
            leaseTaken = System.currentTimeMillis();
        }
        return taken;
    }

    public boolean holds() {
        return System.currentTimeMillis() - leaseTaken < LEASE_MILLIS; // finds: wall-clock-duration
    }

    public void giveBack(String name) {
        if (owner.equals(redis.get("lease:" + name))) {
            redis.del("lease:" + name);
        }
    }

    public void steal(String name) {
        redis.set("lease:lock:" + name, owner, SetArgs.Builder.nx()); // finds: lock-without-expiry
    }
}
