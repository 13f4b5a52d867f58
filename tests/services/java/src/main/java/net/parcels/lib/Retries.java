package net.parcels.lib;

import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;

public final class Retries {
    private Retries() {}

    public static <T> T times(int attempts, Callable<T> work) throws Exception {
        for (int attempt = 1; ; attempt++) {
            try {
                return work.call();
            } catch (Exception failure) {
                if (attempt == attempts) {
                    throw failure;
                }
                Thread.sleep(ThreadLocalRandom.current().nextLong(100L << attempt));
            }
        }
    }
}
