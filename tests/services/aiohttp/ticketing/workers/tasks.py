import time

import dramatiq
import requests
from dramatiq.brokers.redis import RedisBroker

from ticketing.core import settings

dramatiq.set_broker(RedisBroker(url=settings.REDIS_URL))


@dramatiq.actor(max_retries=5)
def send_tickets(booking_id):
    requests.post(f"{settings.PAYMENT_URL}/invoices", json={"booking": booking_id}, timeout=5)  # finds: redelivery-without-dedup


@dramatiq.actor(max_retries=0)
def ping_partner(booking_id):
    requests.post("https://partner.example/ping", json={"booking": booking_id})  # finds: missing-timeout


@dramatiq.actor
def charge_late_fee(booking_id):
    requests.post(
        f"{settings.PAYMENT_URL}/charges",
        json={"booking": booking_id, "fee": 5},
        headers={"Idempotency-Key": f"late-{booking_id}"},
        timeout=5,
    )
