import asyncio

from fastapi import APIRouter, Depends, FastAPI, Header
from sqlalchemy.dialects.postgresql import insert as pg_insert

from app.infra.billing import billing
from app.infra.db import get_session, unit_of_work
from app.infra.events import publish, publish_soon
from app.infra.retrying import until_it_works
from app.models import Booking, Invoice
from app.services import accounts, bookings
from app.workers.consumer import pipeline

router = APIRouter()
_lock = asyncio.Lock()


@router.get("/accounts/{account_id}")
async def get_account(account_id: int):
    return await accounts.load_account(account_id)


@router.get("/reports/{report_id}")
async def get_report(report_id: int):
    return await accounts.load_report(report_id)


@router.post("/accounts/{account_id}/deposit")
async def post_deposit(account_id: int, amount: int):
    await accounts.deposit(account_id, amount)
    await accounts.deposit_locked(account_id, amount)
    await accounts.deposit_atomic(account_id, amount)


@router.put("/accounts/{account_id}")
async def put_account(account_id: int, owner: str):
    await accounts.rename_account(account_id, owner)


@router.put("/accounts/{account_id}/plan")
async def put_plan(account_id: int, plan: str):
    await accounts.change_plan(account_id, plan)


@router.post("/bookings")
async def post_booking(account_id: int, seat: str):
    async with unit_of_work() as session:
        session.add(Booking(account_id=account_id, seat=seat, state="new"))  # finds: post-without-idempotency-key


@router.post("/bookings/keyed")
async def post_booking_keyed(account_id: int, seat: str, idempotency_key: str = Header()):
    async with unit_of_work() as session:
        await session.execute(pg_insert(Booking).values(account_id=account_id, seat=seat, request=idempotency_key).on_conflict_do_nothing())


@router.post("/invoices")
async def post_invoice(number: str, total: int):
    async with unit_of_work() as session:
        session.add(Invoice(number=number, total=total))


@router.put("/bookings/{booking_id}")
async def put_booking(booking_id: int, body: dict):
    await bookings.sync_remote(booking_id, body)
    await bookings.pay_outside(booking_id, 1)
    await bookings.seat_under_lock(booking_id, body["seat"])
    await bookings.seat_under_lock_versioned(booking_id, body["seat"], body["version"])
    await bookings.complete(booking_id)
    await pipeline.accept(body)
    await pipeline.accept_bounded(body)


@router.put("/bookings/{booking_id}/pay")
async def put_pay(booking_id: int, amount: int):
    await bookings.pay(booking_id, amount)


@router.put("/accounts/{account_id}/spend")
async def put_spend(account_id: int, amount: int):
    await bookings.spend(account_id, amount)


@router.get("/accounts/{account_id}/held")
async def get_held(account_id: int):
    return await bookings.held_connection(account_id)


@router.get("/refresh")
async def refresh(ids: str):
    await bookings.refresh_all(ids.split(","))
    await bookings.refresh_bounded(ids.split(","))
    publish_soon("refreshed", {"ids": ids})
    await until_it_works(lambda: billing.status(1))


_tokens = {}


@router.get("/token")
async def token():
    async with _lock:
        if "t" not in _tokens:
            _tokens["t"] = await billing.status(0)
    return _tokens["t"]


_counter = 0


@router.get("/tick")
async def tick():
    global _counter
    async with _lock:
        _counter += 1
        await billing.report()  # finds: lock-held-across-await


@router.get("/slow")
async def slow():
    return await asyncio.wait_for(billing.charge(1, 2), timeout=2)  # finds: timeout-inversion


@router.get("/soft")
async def soft():
    try:
        await billing.rename(1, "x")
    except Exception:  # finds: swallowed-remote-error
        pass
    return {}


app = FastAPI()
app.include_router(router)
