import type { FastifyInstance } from "fastify";
import pLimit from "p-limit";
import { Type } from "@sinclair/typebox";
import { db } from "~/lib/db.js";
import { shipments, invoices } from "~/lib/schema.js";
import { getShipment, createShipment, deliver, register, setStatus } from "~/services/shipments.js";
import { fetchLabel, fetchRates, payCarrier, cancelPickup } from "~/lib/carrier.js";
import { publish } from "~/lib/bus.js";

const limit = pLimit(5);

export default async function routes(app: FastifyInstance) {
  app.get("/shipments/:id", async (req) => getShipment(Number((req.params as { id: string }).id)));

  app.post("/shipments", { schema: { body: Type.Object({ reference: Type.String() }) } }, async (req, reply) => {
    const { reference } = req.body as { reference: string };
    const row = await createShipment(reference);
    return reply.code(201).send(row);
  });

  app.post("/shipments/rates", async (req) => {
    const { zips } = req.body as { zips: string[] };
    return Promise.all(zips.map((zip) => fetchRates(zip))); // finds: unbounded-fanout
  });

  app.post("/shipments/rates/limited", async (req) => {
    const { zips } = req.body as { zips: string[] };
    return Promise.all(zips.map((zip) => limit(() => fetchRates(zip))));
  });

  app.get("/labels/:tracking", async (req, reply) => {
    const { tracking } = req.params as { tracking: string };
    const label = await fetchLabel(tracking);
    return reply.type("application/pdf").send(label);
  });

  app.post("/invoices", async (req, reply) => { 
    const { shipmentId, amount } = req.body as { shipmentId: number; amount: number };
    const [invoice] = await db.insert(invoices).values({ shipmentId, amount }).returning(); // finds: post-without-idempotency-key
    await payCarrier(invoice.id, amount);
    return reply.code(201).send(invoice);
  });

  app.post("/shipments/:id/delivered", async (req, reply) => {
    const { id } = req.params as { id: string };
    await deliver(Number(id));
    publish("audit.delivered", { id }); // finds: floating-effect
    return reply.code(204).send();
  });

  app.delete("/shipments/:id", async (req, reply) => {
    const { id } = req.params as { id: string };
    await setStatus(Number(id), "cancelled");
    try {
      await cancelPickup(id);
    } catch (error) {
      req.log.warn({ error }, "pickup stays booked");
    }
    return reply.code(204).send();
  });
}
