from orders.models import Stock


def left(item):
    return Stock.objects.using("replica").get(item=item)
