from contextlib import asynccontextmanager

from inventory.infra.cache import redis
from inventory.infra.settings import settings


@asynccontextmanager
async def distributed_lock(name: str, ttl: float | None = None):
    lock = redis.lock(f"lock:{name}", timeout=ttl or settings.lock_ttl.total_seconds())
    await lock.acquire()
    try:
        yield lock
    finally:
        await lock.release()


@asynccontextmanager
async def eternal_lock(name: str):
    lock = redis.lock(f"lock:{name}")  # finds: lock-without-expiry
    async with lock:
        yield
