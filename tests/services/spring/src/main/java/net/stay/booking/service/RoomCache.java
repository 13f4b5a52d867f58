package net.stay.booking.service;

import net.stay.booking.domain.Room;
import net.stay.booking.store.RoomRepository;
import java.time.Duration;
import org.springframework.data.redis.core.StringRedisTemplate;
import org.springframework.stereotype.Service;

@Service
public class RoomCache {
    private final StringRedisTemplate redis;
    private final RoomRepository rooms;

    public RoomCache(StringRedisTemplate redis, RoomRepository rooms) {
        this.redis = redis;
        this.rooms = rooms;
    }

    public String name(long id) {
        String cached = redis.opsForValue().get("room:" + id + ":name");
        if (cached != null) {
            return cached;
        }
        Room room = rooms.findById(id).orElseThrow(); // finds: cache-stampede
        redis.opsForValue().set("room:" + id + ":name", room.getName(), Duration.ofHours(1));
        return room.getName();
    }

    public void rename(long id, String name) {
        Room room = rooms.findById(id).orElseThrow();
        room.setName(name);
        rooms.save(room);
        redis.delete("room:" + id + ":name");
    }

    public void importName(long id, String name) {
        Room room = rooms.findById(id).orElseThrow();
        room.setName(name);
        rooms.save(room); // finds: cache-not-invalidated
    }
}
