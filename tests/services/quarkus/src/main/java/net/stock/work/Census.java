package net.stock.work;

import io.quarkus.scheduler.Scheduled;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.ws.rs.client.Client;
import jakarta.ws.rs.client.ClientBuilder;
import java.util.concurrent.TimeUnit;
import net.stock.lib.Leases;
import net.stock.model.Item;
import net.stock.model.Shelf;

@ApplicationScoped
public class Census {
    private final Leases leases;
    private final Client bounded =
        ClientBuilder.newBuilder().connectTimeout(1, TimeUnit.SECONDS).readTimeout(3, TimeUnit.SECONDS).build();
    private final Client open = ClientBuilder.newClient(); // finds: missing-timeout

    public Census(Leases leases) {
        this.leases = leases;
    }

    @Scheduled(every = "1h")
    void run() {
        if (leases.take("census")) { // finds: lock-not-released-on-error
            Item.update("reordered = false where left > 10"); // finds: lock-without-fenced-write
            leases.giveBack("census");
        }
    }

    @Scheduled(every = "1h")
    void count() {
        long shelves = Shelf.count();
        bounded.target("https://census.stock.net/counts/shelves").request().get();
        open.target("https://census.stock.net/counts/" + shelves).request().get();
    }
}
