import asyncio
import json
import uuid
from contextlib import asynccontextmanager

import redis.asyncio as redis

from ticketing.core import settings

pool = redis.ConnectionPool.from_url(settings.REDIS_URL)
client = redis.Redis(connection_pool=pool)

UNLOCK = client.register_script("""
if redis.call('get', KEYS[1]) == ARGV[1] then
    return redis.call('del', KEYS[1])
end
return 0
""")


class Busy(Exception):
    pass


@asynccontextmanager
async def hold(name, ttl):
    token = uuid.uuid4().hex
    if not await client.set(f"hold:{name}", token, nx=True, ex=ttl):
        raise Busy(name)
    try:
        yield
    finally:
        await client.delete(f"hold:{name}")  # finds: lock-release-without-owner-check


@asynccontextmanager
async def safe_hold(name, ttl):
    token = uuid.uuid4().hex
    if not await client.set(f"hold:{name}", token, nx=True, ex=ttl):
        raise Busy(name)
    try:
        yield
    finally:
        await UNLOCK(keys=[f"hold:{name}"], args=[token])


async def acquire_forever(name):
    while not await client.setnx(f"mutex:{name}", "1"):  # finds: lock-without-expiry
        await asyncio.sleep(0.1)


async def release(name):
    await client.delete(f"mutex:{name}")  # finds: lock-release-without-owner-check


async def get_or_load(key, loader, ttl=60):
    raw = await client.get(key)
    if raw is not None:
        return json.loads(raw)
    value = await loader()  # finds: cache-stampede
    await client.set(key, json.dumps(value), ex=ttl)
    return value
