import pLimit from 'p-limit';
import { cache, withLock, withNaiveLock } from '@app/infra/redis';
import { inTransaction, primary, readReplica, withClient } from '@app/infra/db';
import { emit } from '@app/infra/kafka';
import { enqueueShipping, shippingQueue } from '@app/infra/queues';
import { gateway, legacyStatus } from '@app/billing/gateway';
import { orders, Order } from './repository';

export async function place(userId: string, total: number) {
  const order = await orders.insert({ userId, total });
  return orders.findFast(order.id);
}

export async function placeAndShip(userId: string, total: number) {
  return inTransaction(async (client) => {
    const order = await orders.insert({ userId, total }, client);
    await enqueueShipping(order.id);  // finds: enqueue-before-commit
    return order;
  });
}

export async function placeThenShip(userId: string, total: number) {
  const order = await inTransaction(async (client) => orders.insert({ userId, total }, client));
  await enqueueShipping(order.id);
  return order;
}

export async function pay(orderId: string) {
  await inTransaction(async (client) => {
    const { rows } = await client.query('SELECT * FROM orders WHERE id = $1 FOR UPDATE', [orderId]);
    await gateway.captureKeyed(orderId, rows[0].total);  // finds: remote-call-in-transaction
    await orders.setState(orderId, 'paid', client);
  });
}

export async function payFirst(orderId: string, total: number) {
  await gateway.captureKeyed(orderId, total);
  await orders.setState(orderId, 'paid');
}

export async function cancel(orderId: string) {
  await withLock(`order:${orderId}`, async () => {
    await orders.setState(orderId, 'cancelled');  // finds: lock-without-fenced-write
  });
}

export async function cancelVersioned(orderId: string, version: number) {
  await withLock(`order:${orderId}`, async () => {
    await orders.setStateVersioned(orderId, 'cancelled', version);
  });
}

export async function getCached(orderId: string) {
  const key = `order:${orderId}`;
  const hit = await cache.read<Order>(key);
  if (hit) return hit;
  const order = await orders.find(orderId);  // finds: cache-stampede
  await cache.write(key, order, 600);
  return order;
}

const inflight = new Map<string, Promise<Order>>();

export function getCoalesced(orderId: string): Promise<Order> {
  const running = inflight.get(orderId);
  if (running) return running;
  const load = (async () => {
    const key = `order2:${orderId}`;
    const hit = await cache.read<Order>(key);
    if (hit) return hit;
    const order = await orders.find(orderId);
    await cache.write(key, order, 600);
    return order;
  })().finally(() => inflight.delete(orderId));
  inflight.set(orderId, load);
  return load;
}

export async function rename(orderId: string, state: string) {
  await orders.setState(orderId, state);
  await cache.invalidate(`order:${orderId}`);
}

export async function reprice(orderId: string, total: number) {
  await primary.query('UPDATE orders SET total = $2 WHERE id = $1', [orderId, total]);  // finds: cache-not-invalidated
}

export async function addItem(orderId: string, price: number) {
  const order = await orders.find(orderId);
  await orders.setTotal(orderId, order.total + price);  // finds: lost-update
}

export async function addItemAtomic(orderId: string, price: number) {
  await primary.query('UPDATE orders SET total = total + $2 WHERE id = $1', [orderId, price]);  // finds: cache-not-invalidated
}

export async function settle(orderId: string) {
  const { rows } = await readReplica.query('SELECT * FROM orders WHERE id = $1', [orderId]);  // finds: replica-read-modify-write
  if (rows[0].state === 'new') {
    await primary.query("UPDATE orders SET state = 'settled' WHERE id = $1", [orderId]);  // finds: cache-not-invalidated
  }
}

export async function statuses(ids: string[]) {
  return Promise.all(ids.map((id) => gateway.status(id)));  // finds: unbounded-fanout
}

const limit = pLimit(8);

export async function statusesLimited(ids: string[]) {
  return Promise.all(ids.map((id) => limit(() => gateway.status(id))));
}

export async function merge(incoming: Order) {
  const stored = await orders.find(incoming.id);
  if (incoming.updatedAt > stored.updatedAt) {
    await primary.query('UPDATE orders SET state = $2, updated_at = $3 WHERE id = $1', [incoming.id, incoming.state, incoming.updatedAt]);  // finds: cache-not-invalidated, last-write-wins
  }
}

export async function ship(orderId: string) {
  await orders.setState(orderId, 'shipped');
  await emit('order-shipped', { orderId });
}

export async function details(orderId: string) {
  return withClient(async (client) => {
    const { rows } = await client.query('SELECT * FROM orders WHERE id = $1', [orderId]);
    const status = await legacyStatus(orderId);  // finds: connection-held-across-remote-call
    return { ...rows[0], status };
  });
}
