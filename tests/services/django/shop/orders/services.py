import logging
from functools import partial

from django.db import transaction
from django.db.models import F

from shop.core.events import publish
from shop.core.http import notify_warehouse, psp, shipping
from shop.orders.models import Order, Outbox, ProcessedEvent, Wallet
from shop.orders.tasks import send_confirmation, settle_order, ship_order

log = logging.getLogger(__name__)


@transaction.atomic
def place_order(customer, total):
    order = Order.objects.create(customer=customer, total=total)  # finds: post-without-idempotency-key
    send_confirmation.delay(order.id)  # finds: enqueue-before-commit
    return order


@transaction.atomic
def place_order_after(customer, total):
    order = Order.objects.create(customer=customer, total=total)  # finds: post-without-idempotency-key
    transaction.on_commit(lambda: send_confirmation.delay(order.id))
    transaction.on_commit(partial(settle_order.delay, order.id))
    return order


@transaction.atomic
def pay_order(order_id):
    order = Order.objects.select_for_update().get(pk=order_id)
    charge = psp.charge(order.total, order.customer, f"order-{order.id}")  # finds: remote-call-in-transaction
    order.charge_id = charge["id"]
    order.save()


def pay_order_outside(order_id):
    order = Order.objects.get(pk=order_id)
    charge = psp.charge(order.total, order.customer, f"order-{order.id}")
    with transaction.atomic():
        Order.objects.filter(pk=order_id).update(charge_id=charge["id"])


def confirm(order_id):
    Order.objects.filter(pk=order_id).update(status="confirmed")
    publish("orders", {"order": order_id})  # finds: dual-write


def confirm_outbox(order_id):
    with transaction.atomic():
        Order.objects.filter(pk=order_id).update(status="confirmed")
        Outbox.objects.create(topic="orders", payload={"order": order_id})


def ship(order_id):
    order = Order.objects.get(pk=order_id)
    try:
        return shipping.book(order)
    except Exception:
        log.exception("shipping failed for %s", order_id)
        raise


def top_up_once(event):
    with transaction.atomic():
        _, created = ProcessedEvent.objects.get_or_create(event_id=event["id"])
        if not created:
            return
        Wallet.objects.filter(customer=event["customer"]).update(balance=F("balance") + event["amount"])


def top_up(event):
    Wallet.objects.filter(customer=event["customer"]).update(balance=F("balance") + event["amount"])  # finds: redelivery-without-dedup


def announce(order_id):
    try:
        notify_warehouse(order_id)
    except Exception:  # finds: swallowed-remote-error
        pass


def charge_now(customer, total):
    order = Order.objects.create(customer=customer, total=total)  # finds: post-without-idempotency-key
    psp.charge(total, customer, f"order-{order.id}")  
    return order


def charge_with_key(customer, total, key):
    order, _ = Order.objects.get_or_create(charge_id=key, defaults={"customer": customer, "total": total})
    psp.charge(total, customer, key)
    return order
