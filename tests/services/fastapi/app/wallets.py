import asyncio

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from app.cache import Cache, flag, lock
from app.clients import bank
from app.events import Publisher
from app.models import Payment, Processed, Wallet

cache = Cache("wallet")


class WalletService:
    def __init__(self, session: AsyncSession, publisher: Publisher | None = None) -> None:
        self.session = session
        self.publisher = publisher

    async def show(self, id: int) -> dict:
        if (known := await cache.get(id)) is not None:
            return known
        wallet = await self.session.get(Wallet, id)  # finds: cache-stampede
        shown = {"owner": wallet.owner, "label": wallet.label}
        await cache.put(id, shown)
        return shown

    async def relabel(self, id: int, label: str) -> None:
        wallet = await self.session.get(Wallet, id)
        wallet.label = label
        await self.session.commit()
        await cache.drop(id)

    async def clear_label(self, id: int) -> None:
        await self.session.execute(update(Wallet).where(Wallet.id == id).values(label=""))  # finds: cache-not-invalidated
        await self.session.commit()

    async def deposit(self, id: int, cents: int) -> None:
        wallet = (await self.session.execute(select(Wallet).where(Wallet.id == id))).scalar_one()
        wallet.cents += cents  # finds: lost-update
        self.session.add(wallet)
        await self.session.commit()

    async def deposit_locked(self, id: int, cents: int) -> None:
        wallet = (await self.session.execute(select(Wallet).where(Wallet.id == id).with_for_update())).scalar_one()
        wallet.cents += cents
        await self.session.commit()

    async def deposit_atomic(self, id: int, cents: int) -> None:
        await self.session.execute(update(Wallet).where(Wallet.id == id).values(cents=Wallet.cents + cents))
        await self.session.commit()

    async def settle(self, id: int, cents: int) -> None:
        async with lock(f"wallet-{id}"):
            wallet = await self.session.get(Wallet, id)
            wallet.cents -= cents  # finds: lock-without-fenced-write
            await self.session.commit()

    async def rebuild(self) -> int:
        async with flag("rebuild"):
            return len((await self.session.execute(select(Wallet))).all())

    async def pay(self, id: int, cents: int) -> int:
        async with self.session.begin():
            payment = Payment(wallet_id=id, cents=cents)
            self.session.add(payment)  # finds: post-without-idempotency-key
            await self.session.flush()
            await bank.transfer_once(f"payment-{payment.id}", cents)  # finds: remote-call-in-transaction
        return payment.id

    async def pay_after(self, id: int, cents: int, key: str) -> None:
        await bank.transfer_once(key, cents)
        async with self.session.begin():
            await self.session.merge(Payment(id=id, wallet_id=id, cents=cents, state="paid"))

    async def confirm(self, id: int) -> None:
        await self.session.execute(update(Payment).where(Payment.id == id).values(state="confirmed"))
        await self.session.commit()
        await self.publisher.publish("payments", {"id": id})  # finds: dual-write

    async def confirm_inside(self, id: int) -> None:
        async with self.session.begin():
            await self.session.execute(update(Payment).where(Payment.id == id).values(state="confirmed"))
            await self.publisher.publish("payments", {"id": id})  # finds: enqueue-before-commit

    async def balances(self, ids: list[int]) -> list[int]:
        return await asyncio.gather(*(bank.balance(id) for id in ids))  # finds: unbounded-fanout

    async def balances_bounded(self, ids: list[int]) -> list[int]:
        gate = asyncio.Semaphore(5)

        async def one(id: int) -> int:
            async with gate:
                return await bank.balance(id)

        return await asyncio.gather(*(one(id) for id in ids))

    async def credit(self, message: dict) -> None:
        await self.session.execute(update(Wallet).where(Wallet.id == message["wallet"]).values(cents=Wallet.cents + message["cents"]))  # finds: redelivery-without-dedup
        await self.session.commit()

    async def credit_once(self, message: dict) -> None:
        if await self.session.get(Processed, message["id"]):
            return
        self.session.add(Processed(id=message["id"]))
        await self.session.execute(update(Wallet).where(Wallet.id == message["wallet"]).values(cents=Wallet.cents + message["cents"]))
        await self.session.commit()

    async def merge(self, incoming: Wallet) -> None:
        wallet = await self.session.get(Wallet, incoming.id)
        if incoming.updated_at > wallet.updated_at:
            wallet.label = incoming.label  # finds: last-write-wins, cache-not-invalidated
            wallet.updated_at = incoming.updated_at
            await self.session.commit()


async def relabel_and_show(session: AsyncSession, replica: AsyncSession, id: int, label: str) -> Wallet:
    await WalletService(session).relabel(id, label)
    return await replica.get(Wallet, id)  # finds: write-then-replica-read


async def spend(session: AsyncSession, replica: AsyncSession, id: int, cents: int) -> None:
    wallet = await replica.get(Wallet, id)  # finds: replica-read-modify-write
    if wallet.cents < cents:
        raise ValueError("too little")
    await session.execute(update(Wallet).where(Wallet.id == id).values(cents=wallet.cents - cents))
    await session.commit()
