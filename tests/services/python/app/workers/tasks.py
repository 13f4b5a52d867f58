import logging

import stripe
from celery import Celery
from sqlalchemy import create_engine, select, update
from sqlalchemy.orm import sessionmaker

from app.models import Account, Booking, ProcessedEvent
from app.workers.mail import send_mail

log = logging.getLogger(__name__)
celery = Celery("app", broker="redis://cache:6379/1")
celery.conf.task_acks_late = True
Session = sessionmaker(create_engine("postgresql://db/primary"))


@celery.task(max_retries=5, acks_late=True)
def confirm_booking(booking_id):
    with Session() as session:
        booking = session.get(Booking, booking_id)
        send_mail(booking.account_id, "confirmed")  # finds: connection-held-across-remote-call, redelivery-without-dedup


@celery.task(bind=True, max_retries=5, acks_late=True)
def charge_card(self, booking_id, amount):
    try:
        stripe.PaymentIntent.create(amount=amount, currency="eur")  # finds: retry-without-idempotency-key
    except stripe.error.APIConnectionError as exc:
        raise self.retry(exc=exc, countdown=10)


@celery.task(bind=True, max_retries=5, acks_late=True)
def charge_card_keyed(self, booking_id, amount):
    try:
        stripe.PaymentIntent.create(amount=amount, currency="eur", idempotency_key=f"booking-{booking_id}")
    except stripe.error.APIConnectionError as exc:
        raise self.retry(exc=exc, countdown=10)


@celery.task(acks_late=True)
def confirm_once(event_id, booking_id):
    with Session.begin() as session:
        if session.get(ProcessedEvent, event_id):
            return
        session.add(ProcessedEvent(event_id=event_id))
        booking = session.get(Booking, booking_id)
        send_mail(booking.account_id, "confirmed")  # finds: remote-call-in-transaction


@celery.task(acks_late=True)
def mark_paid(booking_id):
    with Session.begin() as session:
        session.execute(update(Booking).where(Booking.id == booking_id).values(state="paid"))
