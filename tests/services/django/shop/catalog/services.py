from django.core.cache import cache
from django.db import transaction
from django.db.models import F

from shop.catalog.models import Product, Stocktake
from shop.core.locks import redis_lock, sloppy_lock


def product_key(product_id):
    return f"product:{product_id}"


def get_product(product_id):
    key = product_key(product_id)
    data = cache.get(key)
    if data is None:
        product = Product.objects.get(pk=product_id)  # finds: cache-stampede
        data = {"id": product.id, "name": product.name, "price": str(product.price)}
        cache.set(key, data, timeout=300)
    return data


def get_rate_table():
    table = cache.get("rate-table")
    if table is None:
        with redis_lock("rate-table"):
            table = cache.get("rate-table")
            if table is None:
                table = list(Product.objects.values("sku", "price"))
                cache.set("rate-table", table, timeout=600)
    return table


def rename(product_id, name):
    Product.objects.filter(pk=product_id).update(name=name)
    cache.delete(product_key(product_id))


def reprice(product_id, price):
    Product.objects.filter(pk=product_id).update(price=price)  # finds: cache-not-invalidated


def count_view(product_id):
    Product.objects.filter(pk=product_id).update(views=F("views") + 1)


def restock(product_id, amount):
    product = Product.objects.get(pk=product_id)
    product.stock = product.stock + amount
    product.save(update_fields=["stock"])  # finds: lost-update


def restock_locked(product_id, amount):
    with transaction.atomic():
        product = Product.objects.select_for_update().get(pk=product_id)
        product.stock += amount
        product.save(update_fields=["stock"])


def restock_atomic(product_id, amount):
    Product.objects.filter(pk=product_id).update(stock=F("stock") + amount)


def restock_expression(product_id, amount):
    product = Product.objects.get(pk=product_id)
    product.stock = F("stock") + amount
    product.save(update_fields=["stock"])


def reserve(product_id, amount):
    with redis_lock(f"product-{product_id}"):
        product = Product.objects.get(pk=product_id)
        product.stock -= amount
        product.save(update_fields=["stock"])  # finds: lock-without-fenced-write


def recount(product_id, counted):
    with redis_lock(f"stocktake-{product_id}"):
        take = Stocktake.objects.get(product_id=product_id)
        changed = Stocktake.objects.filter(pk=take.pk, version=take.version).update(counted=counted, version=take.version + 1)
        if not changed:
            raise RuntimeError("stocktake has changed")


def sync_from_feed(item):
    product = Product.objects.get(sku=item["sku"])
    if item["updated_at"] > product.updated_at:
        product.name = item["name"]
        product.updated_at = item["updated_at"]
        product.save(update_fields=["name", "updated_at"])  # finds: last-write-wins, cache-not-invalidated


def rebuild_index():
    with sloppy_lock("index"):
        return Product.objects.count()
