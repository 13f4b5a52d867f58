import { Redis } from '@upstash/redis'
import { nanoid } from 'nanoid'

export const kv = Redis.fromEnv()

export async function memo<T>(key: string, seconds: number, fn: () => Promise<T>): Promise<T> {
  const cached = await kv.get<T>(key)
  if (cached !== null) return cached
  const fresh = await fn() // finds: cache-stampede
  await kv.set(key, fresh, { ex: seconds })
  return fresh
}

export async function lock(name: string, seconds: number) {
  const owner = nanoid()
  const ok = await kv.set(`lock:${name}`, owner, { nx: true, ex: seconds })
  if (!ok) return null
  return {
    owner,
    async release() {
      await kv.del(`lock:${name}`) // finds: lock-release-without-owner-check
    },
  }
}
