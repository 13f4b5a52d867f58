from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from app.config import settings

engine = create_async_engine(settings.database_url)
replica_engine = create_async_engine(settings.read_database_url)
Session = async_sessionmaker(engine, expire_on_commit=False)
ReplicaSession = async_sessionmaker(replica_engine, expire_on_commit=False)


async def get_session() -> AsyncIterator[AsyncSession]:
    async with Session() as session:
        yield session


async def get_replica() -> AsyncIterator[AsyncSession]:
    async with ReplicaSession() as session:
        yield session


Primary = Annotated[AsyncSession, Depends(get_session)]
Replica = Annotated[AsyncSession, Depends(get_replica)]
