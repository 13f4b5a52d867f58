package net.parcels.lib;

/** So many in each second; by the clock that only goes forward. */
public class RateLimiter {
    private final int limit;
    private long windowStart = System.nanoTime();
    private int count;

    public RateLimiter(int limit) {
        this.limit = limit;
    }

    public synchronized boolean allow() {
        long now = System.nanoTime();
        if (now - windowStart > 1_000_000_000L) {
            windowStart = now;
            count = 0;
        }
        return ++count <= limit;
    }
}
