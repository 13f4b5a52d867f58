import os
from datetime import timedelta

MONGO_URL = os.environ["MONGO_URL"]
REDIS_URL = os.environ["REDIS_URL"]
PAYMENT_URL = os.environ["PAYMENT_URL"]
SEATMAP_URL = os.environ["SEATMAP_URL"]
KAFKA = os.environ["KAFKA_BROKERS"]
HOLD_TTL = timedelta(minutes=2)
