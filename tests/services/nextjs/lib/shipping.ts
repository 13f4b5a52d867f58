import { postJson, withRetry, getJson } from './http'

const BASE = process.env.SHIPPING_URL!

export function createParcel(orderId: string, address: unknown) {
  return withRetry(() => postJson(`${BASE}/parcels`, { orderId, address })) // finds: retry-without-idempotency-key, post-without-idempotency-key
}

export function createParcelOnce(orderId: string, address: unknown) {
  return withRetry(() =>
    postJson(`${BASE}/parcels`, { orderId, address }, { // finds: remote-call-in-transaction
      headers: { 'Idempotency-Key': `parcel-${orderId}` } }),
  )
}

export function createLabel(parcelId: string) {
  return withRetry(() =>
    postJson(`${BASE}/labels`, { parcelId }, { headers: { 'Idempotency-Key': crypto.randomUUID() } }), // finds: idempotency-key-per-attempt
  )
}

export function quote(zip: string) {
  return getJson<{ price: number }>(`${BASE}/quotes/${zip}`)
}
