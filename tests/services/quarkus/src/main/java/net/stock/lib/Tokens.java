package net.stock.lib;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import net.stock.client.Supplier;

@ApplicationScoped
public class Tokens {
    private final Cache<String, String> prices =
        Caffeine.newBuilder().maximumSize(10_000).expireAfterWrite(Duration.ofMinutes(5)).build();
    private final Cache<String, String> labels = Caffeine.newBuilder().maximumSize(1000).build();
    private final Supplier supplier;

    public Tokens(Supplier supplier) {
        this.supplier = supplier;
    }

    /** One caller loads, the others wait. */
    public String price(String sku) {
        return prices.get(sku, supplier::price);
    }

    public String label(String sku) {
        String known = labels.getIfPresent("label:" + sku);
        if (known == null) {
            known = supplier.price(sku); // finds: cache-stampede
            labels.put("label:" + sku, known);
        }
        return known;
    }
}
