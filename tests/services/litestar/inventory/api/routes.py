import asyncio

import structlog
from litestar import Controller, Litestar, delete, get, post, put
from pydantic import BaseModel

from inventory.services import InventoryService, load_product

log = structlog.get_logger()


class PurchaseRequest(BaseModel):
    sku: str
    amount: int


class ProductController(Controller):
    path = "/products"

    @get("/{product_id:int}")
    async def show(self, product_id: int) -> dict:
        return await load_product(product_id)

    @put("/{product_id:int}/name")
    async def rename(self, product_id: int, name: str, inventory: InventoryService) -> str:
        return await inventory.show_renamed(product_id, name)

    @post("/prices")
    async def prices(self, data: list[str], inventory: InventoryService) -> list[int]:
        return await inventory.prices(data)


@post("/purchases")
async def create_purchase(data: PurchaseRequest, inventory: InventoryService) -> dict:
    purchase_id = await inventory.purchase(data.sku, data.amount)
    asyncio.ensure_future(inventory.bus.emit("purchases.opened", {"id": purchase_id}))  # finds: floating-effect
    return {"id": purchase_id}


@delete("/purchases/{purchase_id:int}")
async def cancel_purchase(purchase_id: int, inventory: InventoryService) -> None:
    await inventory.close(purchase_id)
    try:
        await inventory.supplier.order_once("cancel", 0, str(purchase_id))
    except Exception:  # finds: swallowed-remote-error
        pass


@delete("/purchases/{purchase_id:int}/quietly")
async def cancel_quietly(purchase_id: int, inventory: InventoryService) -> None:
    try:
        await inventory.supplier.order_once("cancel", 0, str(purchase_id))
    except Exception as error:
        log.warning("cancel failed", error=str(error))


app = Litestar(route_handlers=[ProductController, create_purchase, cancel_purchase, cancel_quietly])
