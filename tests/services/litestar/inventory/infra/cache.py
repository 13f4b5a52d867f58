import functools
import pickle

from redis.asyncio import Redis

from inventory.infra.settings import settings

redis: Redis = Redis.from_url(settings.redis_url)


def cached(prefix: str, ttl: int):
    def decorate(function):
        @functools.wraps(function)
        async def wrapper(key):
            name = f"{prefix}:{key}"
            raw = await redis.get(name)
            if raw:
                return pickle.loads(raw)
            value = await function(key)  # finds: cache-stampede
            await redis.set(name, pickle.dumps(value), ex=ttl)
            return value

        return wrapper

    return decorate


async def forget(prefix: str, key) -> None:
    await redis.delete(f"{prefix}:{key}")
