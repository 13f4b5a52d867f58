from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from inventory.db.base import Base


class Product(Base):
    __tablename__ = "products"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price: Mapped[int]
    stock: Mapped[int] = mapped_column(default=0)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Purchase(Base):
    __tablename__ = "purchases"

    id: Mapped[int] = mapped_column(primary_key=True)
    supplier: Mapped[str]
    amount: Mapped[int]
    state: Mapped[str] = mapped_column(default="open")


class Reservation(Base):
    __tablename__ = "reservations"
    __table_args__ = (UniqueConstraint("product_id", "order_ref"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    order_ref: Mapped[str]


class Processed(Base):
    __tablename__ = "processed"

    message_id: Mapped[str] = mapped_column(primary_key=True)
