import asyncio
import json
import logging
import time

from aiokafka import AIOKafkaConsumer

from ticketing.core import mongo, settings

log = logging.getLogger(__name__)


async def consume_payments():
    consumer = AIOKafkaConsumer("payments", bootstrap_servers=settings.KAFKA, group_id="ticketing", enable_auto_commit=False)
    await consumer.start()
    try:
        async for message in consumer:
            event = json.loads(message.value)
            await mongo.db["stats"].update_one({"_id": event["event"]}, {"$inc": {"revenue": event["amount"]}})  # finds: redelivery-without-dedup
            await consumer.commit()
    finally:
        await consumer.stop()


async def consume_refunds():
    consumer = AIOKafkaConsumer("refunds", bootstrap_servers=settings.KAFKA, group_id="ticketing", enable_auto_commit=False)
    await consumer.start()
    async for message in consumer:
        await consumer.commit()  # finds: ack-before-processing
        event = json.loads(message.value)
        await mongo.bookings.update_one({"_id": event["booking"]}, {"$set": {"state": "refunded"}})


async def consume_changes():
    consumer = AIOKafkaConsumer("changes", bootstrap_servers=settings.KAFKA, group_id="ticketing", enable_auto_commit=False)
    await consumer.start()
    async for message in consumer:
        try:
            event = json.loads(message.value)
            await mongo.seats.update_one({"_id": event["seat"]}, {"$set": {"row": event["row"]}})
        except Exception:  # finds: swallowed-consumer-error
            log.exception("change lost")
        await consumer.commit()


async def consume_once():
    consumer = AIOKafkaConsumer("once", bootstrap_servers=settings.KAFKA, group_id="ticketing", enable_auto_commit=False)
    await consumer.start()
    async for message in consumer:
        event = json.loads(message.value)
        if await mongo.db["seen"].find_one({"_id": event["id"]}):
            continue
        await mongo.db["stats"].update_one({"_id": event["event"]}, {"$inc": {"revenue": event["amount"]}})
        await mongo.db["seen"].insert_one({"_id": event["id"]})
        await consumer.commit()


class Leader:
    def __init__(self, ttl=15):
        self.ttl = ttl
        self.renewed = 0.0

    def renew(self):
        self.renewed = time.time()

    def is_leader(self):
        return time.time() - self.renewed < self.ttl  # finds: wall-clock-duration


class Pipeline:
    def __init__(self):
        self.inbox = asyncio.Queue()  # finds: unbounded-queue

    async def feed(self):
        consumer = AIOKafkaConsumer("feed", bootstrap_servers=settings.KAFKA)
        await consumer.start()
        async for message in consumer:
            self.inbox.put_nowait(message.value)

    async def work(self):
        while True:
            item = await self.inbox.get()
            await mongo.events.update_one({"_id": item}, {"$set": {"fed": True}})  # finds: cache-not-invalidated
