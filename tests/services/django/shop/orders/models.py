from django.db import models


class Order(models.Model):
    customer = models.CharField(max_length=40)
    total = models.DecimalField(max_digits=10, decimal_places=2)
    status = models.CharField(max_length=20, default="new")
    charge_id = models.CharField(max_length=40, null=True)


class ProcessedEvent(models.Model):
    event_id = models.CharField(max_length=64, unique=True)


class Wallet(models.Model):
    customer = models.CharField(max_length=40, unique=True)
    balance = models.IntegerField(default=0)


class Outbox(models.Model):
    topic = models.CharField(max_length=100)
    payload = models.JSONField()
