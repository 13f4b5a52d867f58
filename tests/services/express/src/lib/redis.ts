import { createClient } from 'redis'
import { randomUUID } from 'node:crypto'

export const redis = createClient({ url: process.env.REDIS_URL, socket: { connectTimeout: 2000 } })

export async function withLock<T>(name: string, ms: number, work: () => Promise<T>): Promise<T> {
  const token = randomUUID()
  const taken = await redis.set(`lock:${name}`, token, { NX: true, PX: ms })
  if (taken !== 'OK') throw new Error('busy')
  try {
    return await work()
  } finally {
    await redis.eval("if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end", {
      keys: [`lock:${name}`],
      arguments: [token],
    })
  }
}

export async function mutex(name: string, work: () => Promise<void>) {
  if (!(await redis.setNX(`mutex:${name}`, '1'))) return // finds: lock-without-expiry
  try {
    await work()
  } finally {
    await redis.del(`mutex:${name}`) // finds: lock-release-without-owner-check
  }
}
