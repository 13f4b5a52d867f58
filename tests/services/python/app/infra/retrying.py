import asyncio
import functools
import random

import httpx


def with_backoff(attempts=4, base=0.2):
    def wrap(fn):
        @functools.wraps(fn)
        async def inner(*args, **kwargs):
            for attempt in range(attempts):
                try:
                    return await fn(*args, **kwargs)
                except httpx.TransportError:
                    if attempt == attempts - 1:
                        raise
                    await asyncio.sleep(base * 2**attempt + random.random() * base)
        return inner
    return wrap


async def until_it_works(operation):
    while True:  # finds: unbounded-retry
        try:
            return await operation()
        except Exception:
            await asyncio.sleep(1)


async def call_with_attempts(operation, attempts=3):
    last = None
    for i in range(attempts):
        try:
            return await operation()
        except httpx.HTTPError as exc:
            last = exc
            await asyncio.sleep(2**i)
    raise last
