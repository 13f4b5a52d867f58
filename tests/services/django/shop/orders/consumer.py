import json
import logging

from confluent_kafka import Consumer
from django.core.management.base import BaseCommand

from shop.orders import services

log = logging.getLogger(__name__)


class Command(BaseCommand):
    def handle(self, *args, **options):
        consumer = Consumer({"bootstrap.servers": "kafka:9092", "group.id": "wallets", "enable.auto.commit": False})
        consumer.subscribe(["top-ups"])
        while True:
            message = consumer.poll(1.0)
            if message is None or message.error():
                continue
            event = json.loads(message.value())
            services.top_up_once(event)
            consumer.commit(message)


def run_unsafe():
    consumer = Consumer({"bootstrap.servers": "kafka:9092", "group.id": "wallets-2", "enable.auto.commit": False})
    consumer.subscribe(["top-ups"])
    while True:
        message = consumer.poll(1.0)
        if message is None:
            continue
        try:
            services.top_up(json.loads(message.value()))
        except Exception:  # finds: swallowed-consumer-error
            log.exception("bad message")
        consumer.commit(message)
