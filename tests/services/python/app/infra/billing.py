import uuid

import httpx

from app.config import settings
from app.infra.retrying import call_with_attempts, with_backoff

client = httpx.AsyncClient(base_url=settings.billing_url, timeout=settings.http_timeout)
slow_client = httpx.AsyncClient(base_url=settings.billing_url, timeout=None)  # finds: missing-timeout


class BillingGateway:
    def __init__(self, http):
        self._http = http

    async def _post(self, path, body, key=None):
        headers = {"Idempotency-Key": key} if key else {}
        response = await self._http.post(path, json=body, headers=headers)
        response.raise_for_status()
        return response.json()

    @with_backoff()
    async def capture(self, account_id, amount):
        return await self._http.post("/captures", json={"account": account_id, "amount": amount})  # finds: retry-without-idempotency-key

    @with_backoff()
    async def refund(self, booking_id, amount):
        return await self._http.post("/refunds", json={"amount": amount}, headers={"Idempotency-Key": str(uuid.uuid4())})  # finds: idempotency-key-per-attempt

    @with_backoff()
    async def status(self, account_id):
        return await self._http.get(f"/accounts/{account_id}")

    @with_backoff()
    async def rename(self, account_id, name):
        return await self._http.put(f"/accounts/{account_id}", json={"name": name})

    async def charge(self, booking_id, amount):
        key = f"charge-{booking_id}"
        return await call_with_attempts(lambda: self._post("/charges", {"amount": amount}, key))

    async def tip(self, booking_id, amount):
        return await call_with_attempts(lambda: self._post("/tips", {"amount": amount}))  # finds: retry-without-idempotency-key

    async def report(self):
        response = await slow_client.get("/report")
        return response.json()


billing = BillingGateway(client)
