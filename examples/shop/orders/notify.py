from orders.tasks import confirm


def placed(order):
    confirm.delay(order.id)
