export const config = {
  primaryUrl: process.env.DATABASE_URL!,
  replicaUrl: process.env.DATABASE_REPLICA_URL!,
  redisUrl: process.env.REDIS_URL ?? 'redis://localhost',
  paymentsUrl: 'http://payments.internal',
  httpTimeoutMs: 5_000,
  lockTtlMs: 30_000,
};
