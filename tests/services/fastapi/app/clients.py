import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx
import stamina

from app.config import settings

T = TypeVar("T")


class RetryPolicy:
    def __init__(self, attempts: int = 3) -> None:
        self.attempts = attempts

    async def __call__(self, operation: Callable[[], Awaitable[T]]) -> T:
        for attempt in range(self.attempts):
            try:
                return await operation()
            except httpx.TransportError:
                if attempt + 1 == self.attempts:
                    raise
                await asyncio.sleep(2**attempt * random.random())
        raise RuntimeError("unreachable")


class BankClient:
    def __init__(self, http: httpx.AsyncClient, retry: RetryPolicy | None = None) -> None:
        self._http = http
        self._retry = retry or RetryPolicy()

    async def transfer(self, wallet: int, cents: int) -> dict:
        async def send() -> dict:
            response = await self._http.post("/transfers", json={"wallet": wallet, "cents": cents})  # finds: retry-without-idempotency-key
            return response.raise_for_status().json()

        return await self._retry(send)

    async def transfer_once(self, key: str, cents: int) -> dict:
        async def send() -> dict:
            response = await self._http.post("/transfers", json={"cents": cents}, headers={"Idempotency-Key": key})
            return response.raise_for_status().json()

        return await self._retry(send)

    @stamina.retry(on=httpx.HTTPError, attempts=3)
    async def reverse(self, transfer: str) -> None:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        await self._http.post(f"/transfers/{transfer}/reversals", headers=headers)  # finds: idempotency-key-per-attempt

    @stamina.retry(on=httpx.HTTPError, attempts=3)
    async def balance(self, wallet: int) -> int:
        response = await self._http.get(f"/wallets/{wallet}")
        return response.json()["cents"]

    async def rates(self) -> dict:
        async with httpx.AsyncClient(timeout=None) as client:  # finds: missing-timeout
            return (await client.get("https://rates.example.com")).json()

    async def rates_bounded(self) -> dict:
        async with asyncio.timeout(3):
            async with httpx.AsyncClient(timeout=None) as client:
                return (await client.get("https://rates.example.com")).json()


bank = BankClient(httpx.AsyncClient(base_url="https://bank.example.com", timeout=settings.http_timeout))
