from datetime import timedelta

from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    database_url: str
    replica_database_url: str
    redis_url: str
    supplier_url: str
    lock_ttl: timedelta = timedelta(seconds=15)


settings = Settings()
