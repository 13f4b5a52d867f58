import json

import nats

from inventory.infra.settings import settings


class Bus:
    def __init__(self, js):
        self.js = js

    @classmethod
    async def connect(cls) -> "Bus":
        connection = await nats.connect(settings.redis_url)
        return cls(connection.jetstream())

    async def emit(self, subject: str, payload: dict) -> None:
        await self.js.publish(subject, json.dumps(payload).encode())
