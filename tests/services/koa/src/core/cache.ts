import Redis from 'ioredis'

export abstract class Cache {
  abstract get(key: string): Promise<string | null>
  abstract set(key: string, value: string, seconds: number): Promise<void>
  abstract drop(key: string): Promise<void>
}

export class RedisCache extends Cache {
  constructor(private readonly redis: Redis) {
    super()
  }

  async get(key: string) {
    return this.redis.get(key)
  }

  async set(key: string, value: string, seconds: number) {
    await this.redis.setex(key, seconds, value)
  }

  async drop(key: string) {
    await this.redis.del(key)
  }
}

export class Mutex {
  constructor(private readonly redis: Redis, private readonly ttl = 10_000) {}

  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const token = `${process.pid}-${Date.now()}`
    const got = await this.redis.set(`mutex:${name}`, token, 'PX', this.ttl, 'NX')
    if (got !== 'OK') throw new Error(`${name} is taken`)
    try {
      return await work()
    } finally {
      if ((await this.redis.get(`mutex:${name}`)) === token) await this.redis.del(`mutex:${name}`)
    }
  }
}

export class Gate {
  constructor(private readonly redis: Redis) {}

  async close(name: string) {
    return this.redis.setnx(`mutex:${name}`, '1') // finds: lock-without-expiry
  }

  async open(name: string) {
    await this.redis.del(`mutex:${name}`) // finds: lock-release-without-owner-check
  }
}
