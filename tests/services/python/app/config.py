from datetime import timedelta
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    database_url: str = "postgresql+asyncpg://db/primary"
    replica_url: str = "postgresql+asyncpg://db-ro/primary"
    redis_url: str = "redis://cache:6379/0"
    billing_url: str = "http://billing.internal"
    http_timeout: float = 5.0
    lock_ttl: timedelta = timedelta(seconds=30)


settings = Settings()
