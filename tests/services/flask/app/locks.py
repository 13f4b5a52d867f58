import time
import uuid

from app.extensions import redis_client

RELEASE = redis_client.register_script(
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"
)


class Lock:
    def __init__(self, name, seconds):
        self.key = f"lock:{name}"
        self.seconds = seconds
        self.token = uuid.uuid4().hex

    def __enter__(self):
        while not redis_client.set(self.key, self.token, nx=True, ex=self.seconds):
            time.sleep(0.05)
        return self

    def __exit__(self, *exc):
        RELEASE(keys=[self.key], args=[self.token])


class CarelessLock:
    def __init__(self, name):
        self.key = f"careless:{name}"

    def __enter__(self):
        while not redis_client.setnx(self.key, 1):  # finds: lock-without-expiry
            time.sleep(0.05)
        redis_client.expire(self.key, 30)
        return self

    def __exit__(self, *exc):
        redis_client.delete(self.key)  # finds: lock-release-without-owner-check


class RateLimiter:
    def __init__(self, name, limit):
        self.name = name
        self.limit = limit

    def allow(self):
        window = int(time.time()) // 60
        count = redis_client.incr(f"rate:{self.name}:{window}")
        redis_client.expire(f"rate:{self.name}:{window}", 120)
        return count <= self.limit
