import time

from celery import shared_task
from django.core.mail import send_mail
from django.db import transaction

from shop.core.http import fetch_fx, psp, shipping
from shop.core.locks import client
from shop.core.events import publish
from shop.orders.models import Order, Outbox


@shared_task(bind=True, max_retries=5)
def send_confirmation(self, order_id):
    order = Order.objects.get(pk=order_id)
    try:
        send_mail("Your order", f"Order {order.id}", "shop@example.com", [order.customer])  # finds: retry-of-side-effect, redelivery-without-dedup
    except OSError as error:
        raise self.retry(exc=error, countdown=30)


@shared_task(acks_late=True)
def settle_order(order_id):
    order = Order.objects.get(pk=order_id)
    if order.status == "settled":
        return
    psp.charge(order.total, order.customer, f"settle-{order.id}")
    Order.objects.filter(pk=order_id).update(status="settled")


@shared_task(acks_late=True, autoretry_for=(Exception,), retry_backoff=True, max_retries=3)
def ship_order(order_id):
    order = Order.objects.get(pk=order_id)
    shipping.post("/labels", json={"order": order.id})  # finds: retry-without-idempotency-key


@shared_task(acks_late=True)
def refresh_rates():
    started = time.time()
    rates = fetch_fx()
    client.hset("rates", mapping=rates)
    print("took", time.time() - started)


@shared_task(acks_late=True)
def wait_for_capture(order_id):
    while True:  # finds: unbounded-retry
        try:
            psp.get(f"/charges/{order_id}")
            break
        except Exception:
            time.sleep(5)


@shared_task(acks_late=True)
def acquire_slot(name, limit):
    deadline = time.time() + 10
    while time.time() < deadline:  # finds: wall-clock-duration
        if client.incr(f"slot:{name}") <= limit:
            return True
        time.sleep(0.1)
    return False


@shared_task(acks_late=True)
def relay_outbox():
    for row in Outbox.objects.order_by("id")[:100]:
        publish(row.topic, row.payload)
        row.delete()


@shared_task(acks_late=True)
def expire_orders():
    with transaction.atomic():
        for order in Order.objects.select_for_update().filter(status="new"):
            order.status = "expired"
            order.save(update_fields=["status"])
