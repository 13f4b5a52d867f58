from contextlib import asynccontextmanager, contextmanager

from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from app.config import settings

engine = create_async_engine(settings.database_url, pool_size=10)
read_engine = create_async_engine(settings.replica_url, pool_size=10)

PrimarySession = async_sessionmaker(engine, expire_on_commit=False)
ReadSession = async_sessionmaker(read_engine, expire_on_commit=False)


@asynccontextmanager
async def unit_of_work():
    async with PrimarySession() as session:
        async with session.begin():
            yield session


@asynccontextmanager
async def read_only():
    async with ReadSession() as session:
        yield session


async def get_session():
    async with PrimarySession() as session:
        yield session
