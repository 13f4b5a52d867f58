from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    database_url: str = "postgresql+asyncpg://db/wallet"
    read_database_url: str = "postgresql+asyncpg://db-replica/wallet"
    redis_url: str = "redis://redis"
    lock_seconds: int = 10
    http_timeout: float = 4.0


settings = Settings()
