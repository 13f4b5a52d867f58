import json

from confluent_kafka import Producer

producer = Producer({"bootstrap.servers": "kafka:9092", "acks": "all", "enable.idempotence": True})


def publish(topic, payload):
    producer.produce(topic, json.dumps(payload).encode())
    producer.flush(5)
