package net.parcels.lib;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

public class Heartbeats {
    private static final long DEAD_AFTER = 10_000;
    private final Map<String, Long> last = new ConcurrentHashMap<>();
    private long lastHeartbeat = System.currentTimeMillis();

    public void heard(String depot) {
        lastHeartbeat = System.currentTimeMillis();
        last.put(depot, lastHeartbeat);
    }

    public boolean isAlive() {
        return System.currentTimeMillis() - lastHeartbeat < DEAD_AFTER; // finds: wall-clock-duration
    }
}
