import asyncio

from fastapi import APIRouter, BackgroundTasks, Header

from app import wallets
from app.clients import bank
from app.db import Primary, Replica
from app.wallets import WalletService

router = APIRouter()
running: set[asyncio.Task] = set()


@router.get("/wallets/{id}")
async def show(id: int, session: Primary):
    return await WalletService(session).show(id)


@router.put("/wallets/{id}/label")
async def relabel(id: int, label: str, session: Primary):
    await WalletService(session).relabel(id, label)


@router.put("/wallets/{id}/label-shown")
async def relabel_shown(id: int, label: str, session: Primary, replica: Replica):
    return await wallets.relabel_and_show(session, replica, id, label)


@router.delete("/wallets/{id}/label")
async def clear(id: int, session: Primary):
    await WalletService(session).clear_label(id)


@router.put("/wallets/{id}/deposit")
async def deposit(id: int, cents: int, session: Primary):
    await WalletService(session).deposit(id, cents)


@router.put("/wallets/{id}/deposit-safe")
async def deposit_safe(id: int, cents: int, session: Primary):
    service = WalletService(session)
    await service.deposit_locked(id, cents)
    await service.deposit_atomic(id, cents)


@router.put("/wallets/{id}/settle")
async def settle(id: int, cents: int, session: Primary):
    await WalletService(session).settle(id, cents)


@router.put("/wallets/rebuild")
async def rebuild(session: Primary):
    return await WalletService(session).rebuild()


@router.put("/wallets/{id}/spend")
async def spend(id: int, cents: int, session: Primary, replica: Replica):
    await wallets.spend(session, replica, id, cents)


@router.post("/wallets/{id}/payments")
async def pay(id: int, cents: int, session: Primary):
    return await WalletService(session).pay(id, cents)


@router.post("/wallets/{id}/payments/once")
async def pay_once(id: int, cents: int, session: Primary, idempotency_key: str = Header()):
    await WalletService(session).pay_after(id, cents, idempotency_key)


@router.put("/payments/{id}/confirm")
async def confirm(id: int, session: Primary):
    await WalletService(session).confirm(id)


@router.put("/payments/{id}/confirm-inside")
async def confirm_inside(id: int, session: Primary):
    await WalletService(session).confirm_inside(id)


@router.put("/balances")
async def balances(ids: list[int], session: Primary):
    service = WalletService(session)
    return await service.balances(ids), await service.balances_bounded(ids)


@router.put("/transfers/{id}")
async def transfer(id: int, cents: int):
    await bank.transfer(id, cents)
    await bank.reverse(str(id))
    asyncio.create_task(bank.transfer_once(f"t-{id}", cents))  # finds: floating-effect
    task = asyncio.create_task(bank.balance(id))
    running.add(task)
    task.add_done_callback(running.discard)
    return await bank.rates(), await bank.rates_bounded()
