import got from 'got'
import { request } from 'undici'
import { randomUUID } from 'node:crypto'

export const psp = got.extend({ prefixUrl: 'https://psp.example.com', timeout: { request: 4000 }, retry: { limit: 0 } })

export async function retrying<T>(work: (attempt: number) => Promise<T>, attempts = 3): Promise<T> {
  let last: unknown
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    try {
      return await work(attempt)
    } catch (error) {
      last = error
      await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** attempt))
    }
  }
  throw last
}

export const capture = (order: string, amount: number) =>
  retrying(() => psp.post('captures', { json: { order, amount } }).json()) // finds: retry-without-idempotency-key

export const captureOnce = (order: string, amount: number, key: string) =>
  retrying(() => psp.post('captures', { json: { order, amount }, headers: { 'idempotency-key': key } }).json())

export const authorize = (order: string) =>
  retrying(async () => {
    const key = randomUUID()
    return psp.post('authorizations', { json: { order }, headers: { 'Idempotency-Key': key } }).json() // finds: idempotency-key-per-attempt
  })

export async function authorizeOnce(order: string) {
  const key = randomUUID()
  return retrying(() => psp.post('authorizations', { json: { order }, headers: { 'Idempotency-Key': key } }).json())
}

export const status = (id: string) => retrying(() => psp.get(`captures/${id}`).json())

export async function rates() {
  const response = await fetch('https://rates.example.com/latest') // finds: missing-timeout
  return response.json()
}

export async function ratesBounded() {
  const response = await fetch('https://rates.example.com/latest', { signal: AbortSignal.timeout(3000) })
  return response.json()
}

export async function track(id: string) {
  const { body } = await request(`https://track.example.com/${id}`, { headersTimeout: 2000, bodyTimeout: 2000 })
  return body.json()
}
