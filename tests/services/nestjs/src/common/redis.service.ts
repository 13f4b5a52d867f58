import { Injectable, OnModuleDestroy } from '@nestjs/common'
import { randomUUID } from 'crypto'
import Redis from 'ioredis'

@Injectable()
export class RedisService implements OnModuleDestroy {
  private readonly client = new Redis(process.env.REDIS_URL!, { commandTimeout: 2000 })

  async getJson<T>(key: string): Promise<T | null> {
    const raw = await this.client.get(`shop:${key}`)
    return raw ? JSON.parse(raw) : null
  }

  async setJson(key: string, value: unknown, ttlSeconds: number) {
    await this.client.set(`shop:${key}`, JSON.stringify(value), 'EX', ttlSeconds)
  }

  async drop(key: string) {
    await this.client.del(`shop:${key}`)
  }

  async withLock<T>(name: string, ttlMs: number, work: (token: string) => Promise<T>): Promise<T> {
    const token = randomUUID()
    const taken = await this.client.set(`lock:${name}`, token, 'PX', ttlMs, 'NX')
    if (!taken) throw new Error(`${name} is locked`)
    try {
      return await work(token)
    } finally {
      await this.client.eval(
        "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end",
        1,
        `lock:${name}`,
        token,
      )
    }
  }

  async tryLock(name: string) {
    return (await this.client.setnx(`mutex:${name}`, '1')) === 1 // finds: lock-without-expiry
  }

  async unlock(name: string) {
    await this.client.del(`mutex:${name}`) // finds: lock-release-without-owner-check
  }

  async onModuleDestroy() {
    await this.client.quit()
  }
}
