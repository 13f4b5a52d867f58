import json

from aiokafka import AIOKafkaProducer

producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")


async def publish(topic, body, key=None):
    await producer.send_and_wait(topic, json.dumps(body).encode(), key=key)  # finds: dual-write


def publish_soon(topic, body):
    producer.send(topic, json.dumps(body).encode())  # finds: floating-effect


async def publish_future(topic, body):
    fut = await producer.send(topic, json.dumps(body).encode())
    return await fut
