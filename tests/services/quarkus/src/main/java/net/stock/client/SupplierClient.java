package net.stock.client;

import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import org.eclipse.microprofile.rest.client.inject.RegisterRestClient;

@Path("/supplier")
@RegisterRestClient(configKey = "supplier")
public interface SupplierClient {
    @POST // finds: retry-without-idempotency-key
    @Path("/orders")
    String order(String sku);

    @GET
    @Path("/prices/{sku}")
    String price(@PathParam("sku") String sku);

    @POST
    @Path("/reorders")
    String reorder(@HeaderParam("Idempotency-Key") String key, String sku);
}
