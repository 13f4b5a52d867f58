from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Integer, Numeric, String, UniqueConstraint
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class Account(Base):
    __tablename__ = "accounts"
    id = Column(BigInteger, primary_key=True)
    owner = Column(String)
    balance = Column(Numeric, default=0)
    plan = Column(String)


class Booking(Base):
    __tablename__ = "bookings"
    id = Column(BigInteger, primary_key=True)
    account_id = Column(ForeignKey("accounts.id"))
    seat = Column(String)
    state = Column(String)
    updated_at = Column(DateTime)


class Invoice(Base):
    __tablename__ = "invoices"
    id = Column(BigInteger, primary_key=True)
    number = Column(String, unique=True)
    account_id = Column(ForeignKey("accounts.id"))
    total = Column(Numeric)


class ProcessedEvent(Base):
    __tablename__ = "processed_events"
    event_id = Column(String, primary_key=True)


class OutboxMessage(Base):
    __tablename__ = "outbox"
    id = Column(BigInteger, primary_key=True)
    topic = Column(String)
    body = Column(String)
