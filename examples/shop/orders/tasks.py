from celery import shared_task

from orders.models import Order


@shared_task
def confirm(order_id):
    order = Order.objects.get(id=order_id)
    print("confirming", order.item)
