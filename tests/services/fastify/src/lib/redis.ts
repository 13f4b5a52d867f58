import { createClient } from "redis";

export const redis = createClient({ url: process.env.REDIS_URL });
await redis.connect();

export async function cached<T>(key: string, ttl: number, load: () => Promise<T>): Promise<T> {
  const hit = await redis.get(key);
  if (hit) return JSON.parse(hit) as T;
  const value = await load(); // finds: cache-stampede
  await redis.set(key, JSON.stringify(value), { EX: ttl });
  return value;
}

export async function withLock<T>(name: string, ttlMs: number, fn: () => Promise<T>): Promise<T | undefined> {
  const token = Math.random().toString(36);
  const ok = await redis.set(`lock:${name}`, token, { NX: true, PX: ttlMs });
  if (!ok) return undefined;
  try {
    return await fn();
  } finally {
    await redis.del(`lock:${name}`); // finds: lock-release-without-owner-check
  }
}

const RELEASE = `if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) end return 0`;

export async function withSafeLock<T>(name: string, ttlMs: number, fn: () => Promise<T>): Promise<T | undefined> {
  const token = crypto.randomUUID();
  const ok = await redis.set(`safe:${name}`, token, { NX: true, PX: ttlMs });
  if (!ok) return undefined;
  try {
    return await fn();
  } finally {
    await redis.eval(RELEASE, { keys: [`safe:${name}`], arguments: [token] });
  }
}
