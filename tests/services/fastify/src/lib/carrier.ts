import got, { HTTPError } from "got";
import pRetry from "p-retry";
import { randomUUID } from "node:crypto";

const client = got.extend({ prefixUrl: process.env.CARRIER_URL, timeout: { request: 5_000 }, retry: { limit: 0 } });
const slow = got.extend({ prefixUrl: process.env.LABELS_URL }); // finds: missing-timeout

export interface Label { url: string; trackingNumber: string }

export async function bookPickup(shipmentId: number, address: string): Promise<Label> {
  return pRetry(() => client.post("pickups", { json: { shipmentId, address } }).json<Label>(), { retries: 3 }); // finds: retry-without-idempotency-key
}

export async function bookPickupOnce(shipmentId: number, address: string): Promise<Label> {
  return pRetry(
    () => client.post("pickups", { json: { shipmentId, address }, headers: { "Idempotency-Key": `pickup-${shipmentId}` } }).json<Label>(), // finds: remote-call-in-transaction
    { retries: 3 },
  );
}

export async function payCarrier(invoiceId: number, amount: number) {
  return pRetry(
    async () => {
      const key = randomUUID();
      return client.post("payments", { json: { invoiceId, amount }, headers: { "idempotency-key": key } }).json(); // finds: idempotency-key-per-attempt
    },
    { retries: 5, minTimeout: 200 },
  );
}

export async function fetchRates(zip: string): Promise<number[]> {
  return client.get(`rates/${zip}`).json<number[]>();
}

export async function fetchLabel(trackingNumber: string): Promise<Buffer> {
  return slow.get(`labels/${trackingNumber}`).buffer();
}

export async function cancelPickup(id: string): Promise<void> {
  try {
    await client.delete(`pickups/${id}`);
  } catch (err) {
    if (err instanceof HTTPError && err.response.statusCode === 404) return;
    throw err;
  }
}

export async function waitForLabel(trackingNumber: string): Promise<Buffer> {
  for (;;) { // finds: unbounded-retry
    try {
      return await client.get(`labels/${trackingNumber}`).buffer();
    } catch {
      await new Promise((r) => setTimeout(r, 500));
    }
  }
}
