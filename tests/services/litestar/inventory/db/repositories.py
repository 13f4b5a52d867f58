from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from inventory.db.models import Processed, Product, Purchase, Reservation


class Repository:
    def __init__(self, session: AsyncSession):
        self.session = session


class ProductRepository(Repository):
    async def get(self, product_id: int) -> Product:
        return (await self.session.execute(select(Product).where(Product.id == product_id))).scalar_one()

    async def get_locked(self, product_id: int) -> Product:
        statement = select(Product).where(Product.id == product_id).with_for_update()
        return (await self.session.execute(statement)).scalar_one()

    async def set_price(self, product_id: int, price: int) -> None:
        await self.session.execute(update(Product).where(Product.id == product_id).values(price=price))  # finds: cache-not-invalidated

    async def add_stock(self, product_id: int, count: int) -> None:
        await self.session.execute(update(Product).where(Product.id == product_id).values(stock=Product.stock + count))

    async def rename(self, product_id: int, name: str) -> None:
        await self.session.execute(update(Product).where(Product.id == product_id).values(name=name))


class PurchaseRepository(Repository):
    async def open(self, supplier: str, amount: int) -> Purchase:
        purchase = Purchase(supplier=supplier, amount=amount)
        self.session.add(purchase)
        await self.session.flush()
        return purchase

    async def close(self, purchase_id: int) -> bool:
        result = await self.session.execute(
            update(Purchase).where(Purchase.id == purchase_id, Purchase.state == "open").values(state="closed")
        )
        return result.rowcount == 1


class InboxRepository(Repository):
    async def first_time(self, message_id: str) -> bool:
        result = await self.session.execute(
            insert(Processed).values(message_id=message_id).on_conflict_do_nothing().returning(Processed.message_id)
        )
        return result.scalar() is not None
