import asyncio
import json
import logging

import aio_pika

from app.db import Session
from app.models import Wallet
from app.wallets import WalletService

log = logging.getLogger(__name__)


async def on_credit(message: aio_pika.abc.AbstractIncomingMessage) -> None:
    async with message.process(requeue=True):
        async with Session() as session:
            await WalletService(session).credit(json.loads(message.body))


async def on_credit_once(message: aio_pika.abc.AbstractIncomingMessage) -> None:
    async with message.process(requeue=True):
        async with Session() as session:
            await WalletService(session).credit_once(json.loads(message.body))


async def on_wallet(message: aio_pika.abc.AbstractIncomingMessage) -> None:
    await message.ack()  # finds: ack-before-processing
    async with Session() as session:
        await WalletService(session).merge(Wallet(**json.loads(message.body)))


async def on_label(message: aio_pika.abc.AbstractIncomingMessage) -> None:
    body = json.loads(message.body)
    try:
        async with Session() as session:
            await WalletService(session).relabel(body["id"], body["label"])
    except Exception:  # finds: swallowed-consumer-error
        log.exception("not labelled")
    await message.ack()


async def main() -> None:
    connection = await aio_pika.connect_robust("amqp://rabbit")
    channel = await connection.channel()
    credits = await channel.declare_queue("credits", durable=True)
    await credits.consume(on_credit)
    once = await channel.declare_queue("credits-once", durable=True)
    await once.consume(on_credit_once)
    wallets = await channel.declare_queue("wallets", durable=True)
    await wallets.consume(on_wallet)
    labels = await channel.declare_queue("labels", durable=True)
    await labels.consume(on_label)
    await asyncio.Future()
