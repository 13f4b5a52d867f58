package net.stock.api;

import jakarta.transaction.Transactional;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import net.stock.client.Documents;
import net.stock.lib.Tokens;
import net.stock.model.Item;
import net.stock.model.Purchase;
import net.stock.model.Shelf;
import org.eclipse.microprofile.reactive.messaging.Channel;
import org.eclipse.microprofile.reactive.messaging.Emitter;

@Path("/items")
public class Items {
    private final Emitter<String> changes;
    private final Documents documents;
    private final Tokens tokens;

    public Items(@Channel("changes") Emitter<String> changes, Documents documents, Tokens tokens) {
        this.changes = changes;
        this.documents = documents;
        this.tokens = tokens;
    }

    @POST
    @Path("/{sku}/orders")
    @Transactional
    public void order(@PathParam("sku") String sku, long amount) {
        Purchase purchase = Purchase.of(sku, amount);
        purchase.persist(); // finds: post-without-idempotency-key
        changes.send(sku); // finds: enqueue-before-commit
    }

    /** The shelf counts its versions. */
    @PUT
    @Path("/shelves/{id}")
    @Transactional
    public void fill(@PathParam("id") long id, long more) {
        Shelf shelf = Shelf.findById(id);
        shelf.used = shelf.used + more;
    }

    @PUT
    @Path("/{id}/taken")
    @Transactional
    public void take(@PathParam("id") long id, long amount) {
        Item item = Item.findById(id);
        item.left = item.left - amount; // finds: lost-update
    }

    @PUT
    @Path("/{id}/taken-safely")
    @Transactional
    public void takeSafely(@PathParam("id") long id, long amount) {
        Item.update("left = left - ?1 where id = ?2 and left >= ?1", amount, id);
    }

    @PUT
    @Path("/{id}/name")
    @Transactional
    public void rename(@PathParam("id") long id, String name) {
        Item item = Item.findById(id);
        item.name = name;
    }

    @PUT
    @Path("/{id}/document")
    @Transactional
    public void document(@PathParam("id") long id, String text) {
        Item item = Item.findById(id);
        item.reordered = true;
        documents.put(item.sku, text); // finds: remote-call-in-transaction
    }

    @GET
    @Path("/{sku}/price")
    public String price(@PathParam("sku") String sku) {
        return tokens.price(sku) + tokens.label(sku);
    }
}
