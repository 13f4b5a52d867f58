package net.stay.booking.lib;

import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.function.Supplier;
import org.springframework.data.redis.core.StringRedisTemplate;
import org.springframework.data.redis.core.script.RedisScript;
import org.springframework.stereotype.Component;

@Component
public class Locks {
    private static final Duration TTL = Duration.ofSeconds(20);
    private static final RedisScript<Long> RELEASE = RedisScript.of(
        "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end", Long.class);

    private final StringRedisTemplate redis;

    public Locks(StringRedisTemplate redis) {
        this.redis = redis;
    }

    /** Compares the owner before it deletes. */
    public <T> T locked(String name, Supplier<T> work) {
        String key = "lock:" + name;
        String token = UUID.randomUUID().toString();
        if (!Boolean.TRUE.equals(redis.opsForValue().setIfAbsent(key, token, TTL))) {
            throw new IllegalStateException(name + " is busy");
        }
        try {
            return work.get();
        } finally {
            redis.execute(RELEASE, List.of(key), token);
        }
    }

    /** A job that runs on one machine at a time; whoever comes last lets everybody go. */
    public boolean tryLead(String job) {
        return Boolean.TRUE.equals(redis.opsForValue().setIfAbsent("lock:leader:" + job, "me")); // finds: lock-without-expiry
    }

    public void resign(String job) {
        redis.delete("lock:leader:" + job); // finds: lock-release-without-owner-check
    }
}
