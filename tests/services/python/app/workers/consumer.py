import asyncio
import json
import logging

from aiokafka import AIOKafkaConsumer
from sqlalchemy import insert, update
from sqlalchemy.dialects.postgresql import insert as pg_insert

from app.infra.billing import billing
from app.infra.db import unit_of_work
from app.models import Account, Booking, Invoice, ProcessedEvent

log = logging.getLogger(__name__)


async def consume():
    consumer = AIOKafkaConsumer("payments", bootstrap_servers="kafka:9092", group_id="app", enable_auto_commit=False)
    await consumer.start()
    async for message in consumer:
        event = json.loads(message.value)
        try:
            await apply(event)
        except Exception:  # finds: swallowed-consumer-error
            log.exception("failed")
        await consumer.commit()


async def apply(event):
    async with unit_of_work() as session:
        await session.execute(update(Account).where(Account.id == event["account"]).values(balance=Account.balance + event["amount"]))  # finds: redelivery-without-dedup


async def consume_early():
    consumer = AIOKafkaConsumer("refunds", bootstrap_servers="kafka:9092", group_id="app", enable_auto_commit=False)
    await consumer.start()
    async for message in consumer:
        await consumer.commit()  # finds: ack-before-processing
        await store_refund(json.loads(message.value))


async def store_refund(event):
    async with unit_of_work() as session:
        await session.execute(pg_insert(Invoice).values(number=event["number"], total=event["total"]).on_conflict_do_nothing())


async def consume_once():
    consumer = AIOKafkaConsumer("credits", bootstrap_servers="kafka:9092", group_id="app", enable_auto_commit=False)
    await consumer.start()
    async for message in consumer:
        event = json.loads(message.value)
        await apply_once(event)
        await consumer.commit()


async def apply_once(event):
    async with unit_of_work() as session:
        result = await session.execute(pg_insert(ProcessedEvent).values(event_id=event["id"]).on_conflict_do_nothing())
        if result.rowcount == 0:
            return
        await session.execute(update(Account).where(Account.id == event["account"]).values(balance=Account.balance + event["amount"]))


class Pipeline:
    def __init__(self):
        self.queue = asyncio.Queue()  # finds: unbounded-queue
        self.bounded = asyncio.Queue(maxsize=100)

    async def accept(self, item):
        self.queue.put_nowait(item)

    async def accept_bounded(self, item):
        await self.bounded.put(item)

    async def drain(self):
        while True:
            await billing.status(await self.queue.get())


pipeline = Pipeline()
