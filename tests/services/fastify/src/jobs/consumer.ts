import { consumer, codec } from "~/lib/bus.js";
import { boss } from "~/lib/queue.js";
import { db } from "~/lib/db.js";
import { eq, sql } from "drizzle-orm";
import { invoices, processedEvents, shipments, warehouses } from "~/lib/schema.js";
import { bookPickup } from "~/lib/carrier.js";

interface Delivered { eventId: string; shipmentId: number; amount: number }

export async function consumeDeliveries() {
  const c = await consumer("SHIPMENTS", "billing");
  const messages = await c.consume();
  for await (const m of messages) {
    const event = codec.decode(m.data) as Delivered;
    await db.insert(invoices).values({ shipmentId: event.shipmentId, amount: event.amount });
    m.ack();
  }
}

export async function consumeOnce() {
  const c = await consumer("SHIPMENTS", "billing-once");
  for await (const m of await c.consume()) {
    const event = codec.decode(m.data) as Delivered;
    await db.transaction(async (tx) => {
      const inserted = await tx.insert(processedEvents).values({ eventId: event.eventId }).onConflictDoNothing().returning();
      if (inserted.length === 0) return;
      await tx.insert(invoices).values({ shipmentId: event.shipmentId, amount: event.amount });
    });
    m.ack();
  }
}

export async function consumeReturns() {
  const c = await consumer("RETURNS", "stock");
  for await (const m of await c.consume()) {
    m.ack(); // finds: ack-before-processing
    const event = codec.decode(m.data) as { warehouseId: number; shipmentId: number };
    await db.update(shipments).set({ status: "returned" }).where(eq(shipments.id, event.shipmentId)); // finds: cache-not-invalidated
  }
}

export async function consumeDamages() {
  const c = await consumer("DAMAGES", "stock");
  for await (const m of await c.consume()) {
    const event = codec.decode(m.data) as { shipmentId: number };
    try {
      await db.update(shipments).set({ status: "damaged" }).where(eq(shipments.id, event.shipmentId)); // finds: cache-not-invalidated
    } catch (err) { // finds: swallowed-consumer-error
      console.error("could not store damage", err);
    }
    m.ack();
  }
}

export async function consumeCounts() {
  const c = await consumer("COUNTS", "stock");
  for await (const m of await c.consume()) {
    const event = codec.decode(m.data) as { warehouseId: number };
    try {
      await db.update(warehouses).set({ name: "counted" }).where(eq(warehouses.id, event.warehouseId));
      m.ack();
    } catch (err) {
      console.error(err);
      m.nak(5_000);
    }
  }
}

export async function workers() {
  await boss.work("print-label", async ([job]) => {
    const { shipmentId } = job.data as { shipmentId: number };
    await db.update(shipments).set({ attempts: sql`${shipments.attempts} + 1` }).where(eq(shipments.id, shipmentId)); // finds: cache-not-invalidated
  });
}
