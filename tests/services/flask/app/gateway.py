import functools
import random
import time
import uuid

import backoff
import httpx

TIMEOUT = httpx.Timeout(5.0, connect=2.0)
client = httpx.Client(base_url="https://pay.example.com", timeout=TIMEOUT)
slow_client = httpx.Client(base_url="https://reports.example.com", timeout=None)  # finds: missing-timeout


class GatewayError(Exception):
    pass


class Declined(GatewayError):
    pass


def retry(times=3, delay=0.2, on=(httpx.HTTPError,)):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            for attempt in range(1, times + 1):
                try:
                    return function(*args, **kwargs)
                except on:
                    if attempt == times:
                        raise
                    time.sleep(delay * 2**attempt + random.random())

        return wrapper

    return decorate


@retry(times=4)
def charge(invoice_id, amount):
    response = client.post("/charges", json={"invoice": invoice_id, "amount": amount})  # finds: retry-without-idempotency-key
    response.raise_for_status()
    return response.json()


@retry(times=4)
def charge_keyed(invoice_id, amount):
    response = client.post("/charges", json={"amount": amount}, headers={"Idempotency-Key": f"invoice-{invoice_id}"})
    response.raise_for_status()
    return response.json()


@retry()
def refund(charge_id):
    key = uuid.uuid4().hex
    return client.post(f"/charges/{charge_id}/refunds", headers={"Idempotency-Key": key})  # finds: idempotency-key-per-attempt


def refund_keyed(charge_id):
    key = uuid.uuid4().hex

    @retry()
    def attempt():
        return client.post(f"/charges/{charge_id}/refunds", headers={"Idempotency-Key": key})

    return attempt()


@backoff.on_exception(backoff.expo, httpx.TransportError)  # finds: unbounded-retry
def fetch_statement(account_id):
    return client.get(f"/accounts/{account_id}/statement").json()


@backoff.on_exception(backoff.expo, httpx.TransportError, max_tries=5)
def fetch_balance(account_id):
    return client.get(f"/accounts/{account_id}/balance").json()


@backoff.on_exception(backoff.expo, httpx.TransportError, max_time=30)
def send_receipt(account_id):
    client.post("/receipts", json={"account": account_id})  # finds: retry-without-idempotency-key


@backoff.on_exception(backoff.expo, httpx.ConnectError, max_tries=5)
def open_ticket(account_id):
    client.post("/tickets", json={"account": account_id})


def report(account_id):
    return slow_client.get(f"/reports/{account_id}").json()


def notify_quietly(account_id):
    try:
        client.post("/notifications", json={"account": account_id})
    except httpx.HTTPError:
        return None
