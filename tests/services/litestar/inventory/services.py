import asyncio

from arq import ArqRedis

from inventory.db.base import ReadSession, SessionLocal, unit_of_work
from inventory.db.models import Product
from inventory.db.repositories import InboxRepository, ProductRepository, PurchaseRepository
from inventory.infra.bus import Bus
from inventory.infra.cache import cached, forget
from inventory.infra.locks import distributed_lock
from inventory.infra.supplier import SupplierClient


@cached("product", ttl=300)
async def load_product(product_id: int) -> dict:
    async with SessionLocal() as session:
        product = await ProductRepository(session).get(product_id)
        return {"id": product.id, "name": product.name, "price": product.price}


class InventoryService:
    def __init__(self, supplier: SupplierClient, bus: Bus, queue: ArqRedis):
        self.supplier = supplier
        self.bus = bus
        self.queue = queue

    async def rename(self, product_id: int, name: str) -> None:
        async with unit_of_work() as session:
            await ProductRepository(session).rename(product_id, name)
        await forget("product", product_id)

    async def reprice(self, product_id: int) -> None:
        price = await self.supplier.price(str(product_id))
        async with unit_of_work() as session:
            await ProductRepository(session).set_price(product_id, price)

    async def restock(self, product_id: int, count: int) -> None:
        async with unit_of_work() as session:
            await ProductRepository(session).add_stock(product_id, count)

    async def take(self, product_id: int, count: int) -> None:
        async with unit_of_work() as session:
            product = await ProductRepository(session).get(product_id)
            if product.stock < count:
                raise ValueError("not enough")
            product.stock = product.stock - count  # finds: lost-update

    async def take_locked(self, product_id: int, count: int) -> None:
        async with unit_of_work() as session:
            product = await ProductRepository(session).get_locked(product_id)
            if product.stock < count:
                raise ValueError("not enough")
            product.stock = product.stock - count

    async def purchase(self, sku: str, amount: int) -> int:
        async with unit_of_work() as session:
            purchase = await PurchaseRepository(session).open("acme", amount)  # finds: post-without-idempotency-key
            await self.supplier.order_once(sku, amount, f"purchase-{purchase.id}")  # finds: remote-call-in-transaction
            return purchase.id

    async def purchase_later(self, amount: int) -> int:
        async with unit_of_work() as session:
            purchase = await PurchaseRepository(session).open("acme", amount)
            await self.queue.enqueue_job("send_purchase", purchase.id)  # finds: enqueue-before-commit
        return purchase.id

    async def purchase_after(self, amount: int) -> int:
        async with unit_of_work() as session:
            purchase = await PurchaseRepository(session).open("acme", amount)
        await self.queue.enqueue_job("send_purchase", purchase.id)
        return purchase.id

    async def close(self, purchase_id: int) -> None:
        async with unit_of_work() as session:
            await PurchaseRepository(session).close(purchase_id)
        await self.bus.emit("purchases.closed", {"id": purchase_id})  # finds: dual-write

    async def show_renamed(self, product_id: int, name: str) -> str:
        await self.rename(product_id, name)
        async with ReadSession() as session:
            product = await ProductRepository(session).get(product_id)  # finds: write-then-replica-read
        return product.name

    async def recount(self, product_id: int) -> None:
        async with distributed_lock(f"recount:{product_id}", ttl=5):
            count = await self.supplier.availability(str(product_id))
            async with unit_of_work() as session:
                await ProductRepository(session).set_price(product_id, count)  # finds: lock-without-fenced-write

    async def prices(self, skus: list[str]) -> list[int]:
        return await asyncio.gather(*(self.supplier.price(sku) for sku in skus))  # finds: unbounded-fanout

    async def first_prices(self, skus: list[str]) -> list[int]:
        return await asyncio.gather(*(self.supplier.price(sku) for sku in skus[:10]))
