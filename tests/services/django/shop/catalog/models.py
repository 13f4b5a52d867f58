from django.db import models


class Product(models.Model):
    sku = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    stock = models.IntegerField(default=0)
    views = models.IntegerField(default=0)
    updated_at = models.DateTimeField()


class Stocktake(models.Model):
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    counted = models.IntegerField()
    version = models.IntegerField(default=0)
