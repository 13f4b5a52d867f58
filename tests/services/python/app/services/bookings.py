import asyncio

from sqlalchemy import select, update

from app.infra.billing import billing
from app.infra.cache import NaiveLock, OwnedLock
from app.infra.db import PrimarySession, read_only, unit_of_work
from app.infra.events import publish
from app.models import Account, Booking, OutboxMessage
from app.workers import tasks


async def latest(account_id):
    async with read_only() as session:
        result = await session.execute(select(Booking).where(Booking.account_id == account_id))  # finds: write-then-replica-read
        return result.scalars().first()


async def book(account_id, seat):
    async with unit_of_work() as session:
        session.add(Booking(account_id=account_id, seat=seat, state="new"))
    return await latest(account_id)


async def book_and_tell(account_id, seat):
    async with unit_of_work() as session:
        booking = Booking(account_id=account_id, seat=seat, state="new")
        session.add(booking)
        await session.flush()
        tasks.confirm_booking.delay(booking.id)  # finds: enqueue-before-commit
    return booking


async def book_then_tell(account_id, seat):
    async with unit_of_work() as session:
        booking = Booking(account_id=account_id, seat=seat, state="new")
        session.add(booking)
    tasks.confirm_booking.delay(booking.id)
    return booking


async def book_with_outbox(account_id, seat):
    async with unit_of_work() as session:
        session.add(Booking(account_id=account_id, seat=seat, state="new"))
        session.add(OutboxMessage(topic="bookings", body=seat))


async def pay(booking_id, amount):
    async with unit_of_work() as session:
        booking = await session.get(Booking, booking_id)
        await billing.charge(booking_id, amount)  # finds: remote-call-in-transaction
        booking.state = "paid"


async def pay_outside(booking_id, amount):
    await billing.charge(booking_id, amount)
    async with unit_of_work() as session:
        await session.execute(update(Booking).where(Booking.id == booking_id).values(state="paid"))


async def seat_under_lock(booking_id, seat):
    async with OwnedLock(f"seat:{seat}"):
        async with unit_of_work() as session:
            await session.execute(update(Booking).where(Booking.id == booking_id).values(seat=seat))  # finds: lock-without-fenced-write


async def seat_under_lock_versioned(booking_id, seat, version):
    async with OwnedLock(f"seat:{seat}"):
        async with unit_of_work() as session:
            await session.execute(
                update(Booking).where(Booking.id == booking_id, Booking.version == version).values(seat=seat, version=version + 1)
            )


async def quota(account_id):
    async with read_only() as session:
        return await session.scalar(select(Account.balance).where(Account.id == account_id))  # finds: replica-read-modify-write


async def spend(account_id, amount):
    balance = await quota(account_id)
    if balance < amount:
        raise ValueError("not enough")
    async with unit_of_work() as session:
        await session.execute(update(Account).where(Account.id == account_id).values(balance=balance - amount))


async def refresh_all(ids):
    await asyncio.gather(*(billing.status(i) for i in ids))  # finds: unbounded-fanout


async def refresh_bounded(ids):
    gate = asyncio.Semaphore(8)

    async def one(i):
        async with gate:
            return await billing.status(i)

    await asyncio.gather(*(one(i) for i in ids))


async def sync_remote(booking_id, incoming):
    async with unit_of_work() as session:
        booking = await session.get(Booking, booking_id, with_for_update=True)
        if incoming["updated_at"] > booking.updated_at:
            booking.state = incoming["state"]  # finds: last-write-wins


async def complete(booking_id):
    async with unit_of_work() as session:
        await session.execute(update(Booking).where(Booking.id == booking_id).values(state="done"))
    await publish("booking-done", {"id": booking_id})


async def held_connection(account_id):
    async with PrimarySession() as session:
        account = await session.get(Account, account_id)
        status = await billing.status(account.id)  # finds: connection-held-across-remote-call
        return {"owner": account.owner, "status": status}
