import { eq, sql, and } from "drizzle-orm";
import { db, readDb, type Tx } from "~/lib/db.js";
import { shipments, warehouses, invoices } from "~/lib/schema.js";
import { redis, cached, withLock, withSafeLock } from "~/lib/redis.js";
import { bookPickup, bookPickupOnce, fetchRates } from "~/lib/carrier.js";
import { publish } from "~/lib/bus.js";
import { enqueueLabel } from "~/lib/queue.js";

export async function getShipment(id: number) {
  return cached(`shipment:${id}`, 300, async () => {
    const [row] = await db.select().from(shipments).where(eq(shipments.id, id));
    return row;
  });
}

export async function setCarrier(id: number, carrier: string) {
  await db.update(shipments).set({ carrier }).where(eq(shipments.id, id)); // finds: cache-not-invalidated
}

export async function setStatus(id: number, status: string) {
  await db.update(shipments).set({ status }).where(eq(shipments.id, id));
  await redis.del(`shipment:${id}`);
}

export async function createShipment(reference: string) {
  const [created] = await db.insert(shipments).values({ reference, status: "new" }).returning(); // finds: post-without-idempotency-key
  const [fresh] = await readDb.select().from(shipments).where(eq(shipments.id, created.id)); // finds: write-then-replica-read
  return fresh;
}

export async function createAndRead(reference: string) {
  const [created] = await db.insert(shipments).values({ reference, status: "new" }).returning();
  const [fresh] = await db.select().from(shipments).where(eq(shipments.id, created.id));
  return fresh;
}

export async function takeStock(warehouseId: number, quantity: number) {
  const [warehouse] = await db.select().from(warehouses).where(eq(warehouses.id, warehouseId));
  if (!warehouse || warehouse.stock < quantity) throw new Error("out of stock");
  await db.update(warehouses).set({ stock: warehouse.stock - quantity }).where(eq(warehouses.id, warehouseId)); // finds: lost-update
}

export async function takeStockAtomically(warehouseId: number, quantity: number) {
  const rows = await db
    .update(warehouses)
    .set({ stock: sql`${warehouses.stock} - ${quantity}` })
    .where(and(eq(warehouses.id, warehouseId), sql`${warehouses.stock} >= ${quantity}`))
    .returning();
  if (rows.length === 0) throw new Error("out of stock");
}

export async function takeStockLocked(warehouseId: number, quantity: number) {
  await db.transaction(async (tx) => {
    const [warehouse] = await tx.select().from(warehouses).where(eq(warehouses.id, warehouseId)).for("update");
    await tx.update(warehouses).set({ stock: warehouse.stock - quantity }).where(eq(warehouses.id, warehouseId));
  });
}

export async function restock(warehouseId: number, quantity: number) {
  const [warehouse] = await readDb.select().from(warehouses).where(eq(warehouses.id, warehouseId)); // finds: replica-read-modify-write
  await db.update(warehouses).set({ stock: warehouse.stock + quantity }).where(eq(warehouses.id, warehouseId));
}

export async function dispatch(id: number, address: string) {
  await db.transaction(async (tx) => {
    await tx.update(shipments).set({ status: "dispatched" }).where(eq(shipments.id, id)); // finds: cache-not-invalidated
    const label = await bookPickupOnce(id, address);
    await tx.update(shipments).set({ reference: label.trackingNumber }).where(eq(shipments.id, id)); // finds: cache-not-invalidated
  });
}

export async function register(reference: string) {
  return db.transaction(async (tx) => {
    const row = await insertRow(tx, reference);
    await enqueueLabel(row.id); // finds: enqueue-before-commit
    return row;
  });
}

export async function registerSafely(reference: string) {
  const row = await db.transaction((tx) => insertRow(tx, reference));
  await enqueueLabel(row.id);
  return row;
}

async function insertRow(tx: Tx, reference: string) {
  const [row] = await tx.insert(shipments).values({ reference, status: "new" }).returning();
  return row;
}

export async function deliver(id: number) {
  await db.update(shipments).set({ status: "delivered" }).where(eq(shipments.id, id));
  await redis.del(`shipment:${id}`);
  await publish("shipments.delivered", { id }); // finds: dual-write
}

export async function reconcile(id: number) {
  await withLock(`reconcile:${id}`, 10_000, async () => {
    const rates = await fetchRates(String(id));
    const total = rates.reduce((a, b) => a + b, 0);
    await db.update(invoices).set({ amount: total }).where(eq(invoices.shipmentId, id)); // finds: lock-without-fenced-write
  });
}

export async function reconcileShort(id: number) {
  await withSafeLock(`short:${id}`, 30_000, async () => {
    await redis.set(`reconciled:${id}`, "1", { EX: 60 });
  });
}
