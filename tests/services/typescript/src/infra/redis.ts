import Redis from 'ioredis';
import { randomBytes } from 'crypto';
import { config } from '@app/config';
import { sleep } from './retry';

export const redis = new Redis(config.redisUrl, { commandTimeout: 2000 });

const UNLOCK = `if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) else return 0 end`;

export async function withNaiveLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  while ((await redis.set(`lock:${name}`, '1', 'PX', config.lockTtlMs, 'NX')) !== 'OK') {
    await sleep(50);
  }
  try {
    return await work();
  } finally {
    await redis.del(`lock:${name}`);  // finds: lock-release-without-owner-check
  }
}

export async function withLock<T>(name: string, work: (token: string) => Promise<T>): Promise<T> {
  const token = randomBytes(16).toString('hex');
  while ((await redis.set(`lock:${name}`, token, 'PX', config.lockTtlMs, 'NX')) !== 'OK') {
    await sleep(50);
  }
  try {
    return await work(token);
  } finally {
    await redis.eval(UNLOCK, 1, `lock:${name}`, token);
  }
}

export async function tryLockForever(name: string): Promise<boolean> {
  const got = await redis.setnx(`lock:${name}`, '1');  // finds: lock-without-expiry
  return got === 1;
}

export async function waitForLock(name: string, ms: number) {
  const started = Date.now();
  while ((await redis.set(name, '1', 'PX', 1000, 'NX')) !== 'OK') {
    if (Date.now() - started > ms) throw new Error('lock timeout');  // finds: wall-clock-duration
    await sleep(20);
  }
}

export async function waitForLockMonotonic(name: string, ms: number) {
  const started = performance.now();
  while ((await redis.set(name, '1', 'PX', 1000, 'NX')) !== 'OK') {
    if (performance.now() - started > ms) throw new Error('lock timeout');
    await sleep(20);
  }
}

export class JsonCache {
  constructor(private readonly client: Redis) {}

  async read<T>(key: string): Promise<T | null> {
    const raw = await this.client.get(key);
    return raw ? (JSON.parse(raw) as T) : null;
  }

  async write(key: string, value: unknown, seconds = 300) {
    await this.client.set(key, JSON.stringify(value), 'EX', seconds);
  }

  async invalidate(key: string) {
    await this.client.del(key);
  }
}

export const cache = new JsonCache(redis);
