import uuid

import backoff
import httpx
import stamina

from inventory.infra.settings import settings


class SupplierClient:
    def __init__(self) -> None:
        self._http = httpx.AsyncClient(base_url=settings.supplier_url, timeout=httpx.Timeout(5))

    @stamina.retry(on=httpx.HTTPError, attempts=3)
    async def order(self, sku: str, count: int) -> dict:
        response = await self._http.post("/orders", json={"sku": sku, "count": count})  # finds: retry-without-idempotency-key
        response.raise_for_status()
        return response.json()

    @stamina.retry(on=httpx.HTTPError, attempts=3)
    async def order_once(self, sku: str, count: int, reference: str) -> dict:
        response = await self._http.post(
            "/orders", json={"sku": sku, "count": count}, headers={"Idempotency-Key": reference}
        )
        response.raise_for_status()
        return response.json()

    @backoff.on_exception(backoff.expo, httpx.HTTPError, max_tries=4)
    async def cancel(self, order_id: str) -> None:
        await self._post(f"/orders/{order_id}/cancellations", {}, key=uuid.uuid4().hex)

    async def _post(self, path: str, payload: dict, key: str) -> httpx.Response:
        return await self._http.post(path, json=payload, headers={"Idempotency-Key": key})  # finds: idempotency-key-per-attempt

    async def price(self, sku: str) -> int:
        response = await self._http.get(f"/prices/{sku}")
        return response.json()["price"]

    @backoff.on_exception(backoff.expo, httpx.HTTPError)  # finds: unbounded-retry
    async def availability(self, sku: str) -> int:
        return (await self._http.get(f"/stock/{sku}")).json()["count"]


def sync_probe(url: str) -> bool:
    return httpx.Client(timeout=None).get(url).is_success  # finds: missing-timeout
