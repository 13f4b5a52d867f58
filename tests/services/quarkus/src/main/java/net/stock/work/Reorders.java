package net.stock.work;

import io.quarkus.mailer.Mail;
import io.quarkus.mailer.Mailer;
import io.quarkus.scheduler.Scheduled;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.transaction.Transactional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import net.stock.client.Documents;
import net.stock.client.SupplierClient;
import net.stock.model.Item;
import org.eclipse.microprofile.faulttolerance.Retry;
import org.eclipse.microprofile.reactive.messaging.Incoming;
import org.eclipse.microprofile.reactive.messaging.Message;
import org.eclipse.microprofile.rest.client.inject.RestClient;
import org.jboss.logging.Logger;

@ApplicationScoped
public class Reorders {
    private static final Logger LOG = Logger.getLogger(Reorders.class);

    private final Mailer mailer;
    private final SupplierClient supplier;
    private final Documents documents;
    private final ExecutorService executor;
    private final BlockingQueue<String> late = new LinkedBlockingQueue<>(); // finds: unbounded-queue

    public Reorders(Mailer mailer, @RestClient SupplierClient supplier, Documents documents, ExecutorService executor) {
        this.mailer = mailer;
        this.supplier = supplier;
        this.documents = documents;
        this.executor = executor;
    }

    @Incoming("low-stock")
    public void low(String sku) {
        mailer.send(Mail.withText("buyer@stock.net", "Low", sku)); // finds: redelivery-without-dedup
    }

    @Incoming("empty-stock")
    @Transactional
    public void empty(String sku) {
        int marked = Item.update("reordered = true where sku = ?1 and reordered = false", sku);
        if (marked == 0) {
            return;
        }
        late.add(sku);
    }

    @Incoming("counts")
    @Transactional
    public void count(String sku) {
        try {
            Item.update("left = 0 where sku = ?1", sku);
        } catch (Exception failure) { // finds: swallowed-consumer-error
            LOG.error("not counted", failure);
        }
    }

    @Incoming("names")
    @Transactional
    public void name(String sku) {
        try {
            Item.update("name = sku where sku = ?1", sku);
        } catch (IllegalArgumentException strange) {
            LOG.warn("left out", strange);
        }
    }

    @Incoming("returns")
    public CompletionStage<Void> returned(Message<String> message) {
        message.ack(); // finds: ack-before-processing
        Item.update("left = 1 where sku = ?1", message.getPayload());
        return message.ack();
    }

    @Incoming("repairs")
    public CompletionStage<Void> repaired(Message<String> message) {
        Item.update("left = 2 where sku = ?1", message.getPayload());
        return message.ack();
    }

    @Retry
    public void tell(String address) {
        mailer.send(Mail.withText(address, "Arrived", "It is here")); // finds: retry-of-side-effect
    }

    public void copy(String sku) {
        executor.submit(() -> documents.put("copy-" + sku, sku)); // finds: floating-effect
    }

    public void copyLater(String sku) {
        executor.submit(() -> documents.tryPut(sku, sku));
    }

    @Scheduled(every = "10s")
    void drain() throws InterruptedException {
        String sku = late.take();
        supplier.reorder("reorder-" + sku, sku);
    }
}
