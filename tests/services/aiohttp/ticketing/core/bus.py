import json

from aiokafka import AIOKafkaProducer

from ticketing.core import settings

_producer = None


async def producer():
    global _producer
    if _producer is None:
        _producer = AIOKafkaProducer(bootstrap_servers=settings.KAFKA)
        await _producer.start()
    return _producer


async def emit(topic, payload):
    p = await producer()
    await p.send_and_wait(topic, json.dumps(payload).encode())
