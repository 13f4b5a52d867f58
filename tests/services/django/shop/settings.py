import os

DATABASES = {
    "default": {"ENGINE": "django.db.backends.postgresql", "NAME": "shop"},
    "replica": {"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "HOST": os.environ["REPLICA_HOST"]},
}
CELERY_BROKER_URL = os.environ["BROKER_URL"]
CELERY_TASK_ACKS_LATE = True
PSP_URL = "https://psp.example.com"
PSP_TIMEOUT = 10
STOCK_LOCK_SECONDS = 15
REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost")
