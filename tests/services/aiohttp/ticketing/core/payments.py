import uuid

import aiohttp
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential

from ticketing.core import settings


class PaymentGateway:
    def __init__(self, session: aiohttp.ClientSession):
        self._session = session

    @retry(stop=stop_after_attempt(4), wait=wait_exponential(max=10), retry=retry_if_exception_type(aiohttp.ClientError))
    async def charge(self, booking_id, amount):
        async with self._session.post(  # finds: retry-without-idempotency-key
            f"{settings.PAYMENT_URL}/charges", json={"booking": booking_id, "amount": amount}
        ) as response:
            response.raise_for_status()
            return await response.json()

    async def charge_once(self, booking_id, amount):
        return await self._send("/charges", {"booking": booking_id, "amount": amount}, key=f"charge-{booking_id}")

    @retry(stop=stop_after_attempt(3))
    async def refund(self, charge_id):
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        async with self._session.post(  # finds: idempotency-key-per-attempt
            f"{settings.PAYMENT_URL}/refunds", json={"charge": charge_id}, headers=headers
        ) as response:
            return await response.json()

    @retry(stop=stop_after_attempt(3))
    async def _send(self, path, payload, key):
        async with self._session.post(  # finds: remote-call-in-transaction
            settings.PAYMENT_URL + path, json=payload, headers={"Idempotency-Key": key}
        ) as response:
            response.raise_for_status()
            return await response.json()


async def seat_map(session: aiohttp.ClientSession, hall_id):
    async with session.get(f"{settings.SEATMAP_URL}/halls/{hall_id}") as response:
        return await response.json()


async def poll_until_settled(session: aiohttp.ClientSession, charge_id):
    while True:  # finds: unbounded-retry
        try:
            async with session.get(f"{settings.PAYMENT_URL}/charges/{charge_id}") as response:
                response.raise_for_status()
                return await response.json()
        except aiohttp.ClientError:
            continue
