export class UpstreamError extends Error {
  constructor(readonly status: number) {
    super(`upstream answered ${status}`)
  }
}

export async function postJson<T>(url: string, body: unknown, init: RequestInit = {}): Promise<T> {
  const res = await fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(5000),
    ...init,
  })
  if (!res.ok) throw new UpstreamError(res.status)
  return res.json() as Promise<T>
}

export async function withRetry<T>(fn: () => Promise<T>, attempts = 3): Promise<T> {
  let last: unknown
  for (let i = 0; i < attempts; i++) {
    try {
      return await fn()
    } catch (err) {
      last = err
      await new Promise((resolve) => setTimeout(resolve, 2 ** i * 100))
    }
  }
  throw last
}

export async function getJson<T>(url: string): Promise<T> {
  const res = await fetch(url) // finds: missing-timeout
  return res.json() as Promise<T>
}
