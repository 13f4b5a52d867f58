import json
import uuid
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from app.config import settings

redis = Redis.from_url(settings.redis_url, socket_timeout=2)

UNLOCK = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


class Cache:
    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def key(self, id: int) -> str:
        return f"{self.prefix}:{id}"

    async def get(self, id: int):
        raw = await redis.get(self.key(id))
        return json.loads(raw) if raw else None

    async def put(self, id: int, value: dict) -> None:
        await redis.set(self.key(id), json.dumps(value), ex=300)

    async def drop(self, id: int) -> None:
        await redis.delete(self.key(id))


@asynccontextmanager
async def lock(name: str):
    token = uuid.uuid4().hex
    if not await redis.set(f"lock:{name}", token, nx=True, ex=settings.lock_seconds):
        raise TimeoutError(name)
    try:
        yield token
    finally:
        await redis.eval(UNLOCK, 1, f"lock:{name}", token)


@asynccontextmanager
async def flag(name: str):
    if not await redis.set(f"flag:{name}", "1", nx=True):  # finds: lock-without-expiry
        raise TimeoutError(name)
    try:
        yield
    finally:
        await redis.delete(f"flag:{name}")  # finds: lock-release-without-owner-check
