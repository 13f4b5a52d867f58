from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from inventory.infra.settings import settings


class Base(DeclarativeBase):
    pass


engine = create_async_engine(settings.database_url, pool_size=10)
replica_engine = create_async_engine(settings.replica_database_url, pool_size=10)

SessionLocal = async_sessionmaker(engine, expire_on_commit=False)
ReadSession = async_sessionmaker(replica_engine, expire_on_commit=False)


@asynccontextmanager
async def unit_of_work():
    async with SessionLocal() as session:
        async with session.begin():
            yield session
