from django.db import transaction

from orders import notify, stock
from orders.models import Order, Stock


@transaction.atomic
def place(item):
    order = Order.objects.create(item=item)
    notify.placed(order)
    return order


def take(item, amount):
    Stock.objects.filter(item=item).update(amount=amount)
    return stock.left(item).amount
