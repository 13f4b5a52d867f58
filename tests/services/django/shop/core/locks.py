import uuid
from contextlib import contextmanager

import redis
from django.conf import settings

client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2)

RELEASE = """
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0
"""


class LockTimeout(Exception):
    pass


@contextmanager
def redis_lock(name, ttl=settings.STOCK_LOCK_SECONDS):
    token = str(uuid.uuid4())
    if not client.set(f"lock:{name}", token, nx=True, ex=ttl):
        raise LockTimeout(name)
    try:
        yield token
    finally:
        client.eval(RELEASE, 1, f"lock:{name}", token)


@contextmanager
def sloppy_lock(name):
    if not client.setnx(f"lock:{name}", "1"):  # finds: lock-without-expiry
        raise LockTimeout(name)
    try:
        yield
    finally:
        client.delete(f"lock:{name}")  # finds: lock-release-without-owner-check
