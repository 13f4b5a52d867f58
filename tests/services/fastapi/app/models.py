from datetime import datetime

from sqlmodel import Field, SQLModel


class Wallet(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    owner: str = Field(unique=True)
    cents: int = 0
    label: str = ""
    updated_at: datetime


class Payment(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    wallet_id: int
    cents: int
    state: str = "new"


class Processed(SQLModel, table=True):
    id: str = Field(primary_key=True)
