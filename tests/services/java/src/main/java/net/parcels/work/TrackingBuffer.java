package net.parcels.work;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import net.parcels.db.ParcelStore;

public class TrackingBuffer implements Runnable {
    private final BlockingQueue<String> seen = new LinkedBlockingQueue<>(); // finds: unbounded-queue
    private final BlockingQueue<String> late = new ArrayBlockingQueue<>(1000);
    private final ParcelStore store;

    public TrackingBuffer(ParcelStore store) {
        this.store = store;
    }

    public void add(String id) {
        seen.add(id);
    }

    public boolean addLate(String id) {
        return late.offer(id);
    }

    @Override
    public void run() {
        try {
            while (!Thread.currentThread().isInterrupted()) {
                store.seen(seen.take());
            }
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
    }
}
