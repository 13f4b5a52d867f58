package net.stock.client;

import jakarta.enterprise.context.ApplicationScoped;
import java.time.temporal.ChronoUnit;
import org.eclipse.microprofile.faulttolerance.Retry;
import org.eclipse.microprofile.faulttolerance.Timeout;
import org.eclipse.microprofile.rest.client.inject.RestClient;

@ApplicationScoped
public class Supplier {
    private final SupplierClient client;

    public Supplier(@RestClient SupplierClient client) {
        this.client = client;
    }

    @Retry(maxRetries = 3, delay = 200, jitter = 100)
    public String order(String sku) {
        return client.order(sku);
    }

    @Retry(maxRetries = 5)
    @Timeout(value = 2, unit = ChronoUnit.SECONDS)
    public String price(String sku) {
        return client.price(sku);
    }
}
