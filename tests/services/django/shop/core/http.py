import logging
import uuid

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential, wait_random_exponential
from urllib3.util.retry import Retry

log = logging.getLogger(__name__)


class BaseClient:
    timeout = 10

    def __init__(self, base_url):
        self.base_url = base_url
        self.session = requests.Session()

    def _request(self, method, path, **kwargs):
        kwargs.setdefault("timeout", self.timeout)
        response = self.session.request(method, self.base_url + path, **kwargs)
        response.raise_for_status()
        return response.json()

    def get(self, path, **kwargs):
        return self._request("GET", path, **kwargs)

    def post(self, path, json=None, **kwargs):
        return self._request("POST", path, json=json, **kwargs)


class ShippingClient(BaseClient):
    @retry(stop=stop_after_attempt(4), wait=wait_random_exponential(max=10))
    def book(self, order):
        return self.post("/shipments", json={"order": order.id})  # finds: retry-without-idempotency-key

    @retry(stop=stop_after_attempt(4), wait=wait_random_exponential(max=10))
    def rates(self, country):
        return self.get("/rates", params={"country": country})

    @retry(stop=stop_after_attempt(4), wait=wait_random_exponential(max=10))
    def cancel(self, shipment_id):
        return self._request("DELETE", f"/shipments/{shipment_id}")


class PspClient(BaseClient):
    @retry(stop=stop_after_attempt(3), wait=wait_exponential())
    def charge(self, amount, customer, key):
        return self.post("/charges", json={"amount": amount, "customer": customer}, headers={"Idempotency-Key": key})

    @retry(stop=stop_after_attempt(3), wait=wait_exponential())
    def refund(self, charge_id):
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self.post("/refunds", json={"charge": charge_id}, headers=headers)  # finds: idempotency-key-per-attempt

    @retry(retry=retry_if_exception_type(requests.ConnectTimeout), stop=stop_after_attempt(3))
    def payout(self, account):
        return self.post("/payouts", json={"account": account})


def retrying_session():
    session = requests.Session()
    retries = Retry(total=5, backoff_factor=0.5, allowed_methods=None)
    session.mount("https://", HTTPAdapter(max_retries=retries))
    return session


def read_session():
    session = requests.Session()
    session.mount("https://", HTTPAdapter(max_retries=Retry(total=5, backoff_factor=0.5)))
    return session


def notify_warehouse(order_id):
    session = retrying_session()
    session.post(f"{settings.PSP_URL}/warehouse/events", json={"order": order_id}, timeout=5)  # finds: retry-without-idempotency-key


def fetch_rates(country):
    return read_session().post(f"{settings.PSP_URL}/rates", json={"country": country}, timeout=5)


def fetch_fx():
    return requests.get("https://fx.example.com/latest").json()  # finds: missing-timeout


def fetch_tax(country):
    return requests.get(f"https://tax.example.com/{country}", timeout=settings.PSP_TIMEOUT).json()


psp = PspClient(settings.PSP_URL)
shipping = ShippingClient("https://ship.example.com")
