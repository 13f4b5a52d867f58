from sqlalchemy import select, update

from app.infra.cache import OwnedLock, cache
from app.infra.db import read_only, unit_of_work
from app.models import Account


async def load_account(account_id):
    key = f"account:{account_id}"
    hit = await cache.fetch(key)
    if hit is not None:
        return hit
    async with read_only() as session:
        row = await session.get(Account, account_id)  # finds: cache-stampede
    data = {"id": row.id, "owner": row.owner, "plan": row.plan}
    await cache.store(key, data, ttl=3600)
    return data


async def rename_account(account_id, owner):
    async with unit_of_work() as session:
        await session.execute(update(Account).where(Account.id == account_id).values(owner=owner))
    await cache.drop(f"account:{account_id}")


async def change_plan(account_id, plan):
    async with unit_of_work() as session:
        await session.execute(update(Account).where(Account.id == account_id).values(plan=plan))  # finds: cache-not-invalidated


async def deposit(account_id, amount):
    async with unit_of_work() as session:
        account = (await session.execute(select(Account).where(Account.id == account_id))).scalar_one()
        account.balance = account.balance + amount  # finds: lost-update


async def deposit_locked(account_id, amount):
    async with unit_of_work() as session:
        account = (
            await session.execute(select(Account).where(Account.id == account_id).with_for_update())
        ).scalar_one()
        account.balance = account.balance + amount


async def deposit_atomic(account_id, amount):
    async with unit_of_work() as session:
        await session.execute(
            update(Account).where(Account.id == account_id).values(balance=Account.balance + amount)
        )


async def load_report(report_id):
    key = f"report:{report_id}"
    hit = await cache.fetch(key)
    if hit is not None:
        return hit
    async with OwnedLock(f"fill:{key}"):
        hit = await cache.fetch(key)
        if hit is not None:
            return hit
        async with read_only() as session:
            row = await session.get(Account, report_id)
        data = {"id": row.id}
        await cache.store(key, data)
        return data
