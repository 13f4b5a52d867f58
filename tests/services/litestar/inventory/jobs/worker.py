import json
import time

import nats
from arq import Retry
from arq.connections import RedisSettings

from inventory.db.base import unit_of_work
from inventory.db.repositories import InboxRepository, ProductRepository
from inventory.infra.supplier import SupplierClient

supplier = SupplierClient()


async def send_purchase(ctx, purchase_id: int) -> None:
    await supplier._http.post("/orders", json={"purchase": purchase_id})  # finds: redelivery-without-dedup


async def refresh_price(ctx, product_id: int) -> None:
    price = await supplier.price(str(product_id))
    async with unit_of_work() as session:
        await ProductRepository(session).set_price(product_id, price)


class WorkerSettings:
    functions = [send_purchase, refresh_price]
    redis_settings = RedisSettings()
    max_tries = 5


async def on_return(message) -> None:
    payload = json.loads(message.data)
    async with unit_of_work() as session:
        await ProductRepository(session).add_stock(payload["product"], payload["count"])  # finds: redelivery-without-dedup
    await message.ack()


async def on_delivery(message) -> None:
    payload = json.loads(message.data)
    async with unit_of_work() as session:
        if await InboxRepository(session).first_time(payload["id"]):
            await ProductRepository(session).add_stock(payload["product"], payload["count"])
    await message.ack()


async def on_rename(message) -> None:
    await message.ack()  # finds: ack-before-processing
    payload = json.loads(message.data)
    async with unit_of_work() as session:
        await ProductRepository(session).rename(payload["product"], payload["name"])  # finds: cache-not-invalidated


async def on_price(message) -> None:
    payload = json.loads(message.data)
    try:
        async with unit_of_work() as session:
            await ProductRepository(session).set_price(payload["product"], payload["price"])
    except Exception as error:  # finds: swallowed-consumer-error
        print("price lost", error)
    await message.ack()


async def run() -> None:
    connection = await nats.connect("nats://bus")
    js = connection.jetstream()
    await js.subscribe("returns", cb=on_return, durable="returns", manual_ack=True)
    await js.subscribe("deliveries", cb=on_delivery, durable="deliveries", manual_ack=True)
    await js.subscribe("renames", cb=on_rename, durable="renames", manual_ack=True)
    await js.subscribe("prices", cb=on_price, durable="prices", manual_ack=True)


class Heartbeat:
    def __init__(self, ttl: float):
        self.ttl = ttl
        self.last = time.time()

    def beat(self) -> None:
        self.last = time.time()

    @property
    def alive(self) -> bool:
        return time.time() - self.last < self.ttl  # finds: wall-clock-duration
