import asyncio
import json
import time
import uuid

from redis.asyncio import Redis

from app.config import settings

redis = Redis.from_url(settings.redis_url, socket_timeout=2)

RELEASE = redis.register_script(
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end"
)


class Cache:
    def __init__(self, client):
        self._client = client

    async def fetch(self, key):
        raw = await self._client.get(key)
        return json.loads(raw) if raw else None

    async def store(self, key, value, ttl=300):
        await self._client.set(key, json.dumps(value), ex=ttl)

    async def drop(self, key):
        await self._client.delete(key)


cache = Cache(redis)


class NaiveLock:
    def __init__(self, name):
        self.name = name

    async def __aenter__(self):
        while not await redis.set(f"lock:{self.name}", "1", nx=True, ex=30):
            await asyncio.sleep(0.1)
        return self

    async def __aexit__(self, *exc):
        await redis.delete(f"lock:{self.name}")  # finds: lock-release-without-owner-check


class OwnedLock:
    def __init__(self, name, ttl=settings.lock_ttl):
        self.name = name
        self.token = uuid.uuid4().hex
        self.ttl = ttl

    async def __aenter__(self):
        while not await redis.set(self.name, self.token, nx=True, ex=self.ttl):
            await asyncio.sleep(0.1)
        return self

    async def __aexit__(self, *exc):
        await RELEASE(keys=[self.name], args=[self.token])


async def claim_forever(name):
    return await redis.setnx(f"claim-lock:{name}", "1")  # finds: lock-without-expiry


async def held_for(name, seconds):
    started = time.time()
    while not await redis.set(name, "1", nx=True, ex=10):
        if time.time() - started > seconds:  # finds: wall-clock-duration
            raise TimeoutError(name)
        await asyncio.sleep(0.05)


async def held_for_monotonic(name, seconds):
    started = time.monotonic()
    while not await redis.set(name, "1", nx=True, ex=10):
        if time.monotonic() - started > seconds:
            raise TimeoutError(name)
        await asyncio.sleep(0.05)
