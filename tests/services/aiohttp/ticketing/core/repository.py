from ticketing.core import bus, cache, mongo, settings
from ticketing.workers import tasks


async def load_event(event_id):
    async def load():
        return await mongo.events.find_one({"_id": event_id})

    return await cache.get_or_load(f"event:{event_id}", load)


async def rename_event(event_id, title):
    await mongo.events.update_one({"_id": event_id}, {"$set": {"title": title}})
    await cache.client.delete(f"event:{event_id}")


async def close_event(event_id):
    await mongo.events.update_one({"_id": event_id}, {"$set": {"open": False}})  # finds: cache-not-invalidated


async def book(seat_id, user_id):
    result = await mongo.bookings.insert_one({"seat": seat_id, "user": user_id, "state": "new"})  # finds: post-without-idempotency-key
    return await mongo.secondary["bookings"].find_one({"_id": result.inserted_id})  # finds: write-then-replica-read


async def use_credit(user_id, amount):
    wallet = await mongo.db["wallets"].find_one({"user": user_id})
    if wallet["credit"] < amount:
        raise ValueError("not enough credit")
    await mongo.db["wallets"].update_one({"user": user_id}, {"$set": {"credit": wallet["credit"] - amount}})  # finds: lost-update


async def use_credit_atomically(user_id, amount):
    result = await mongo.db["wallets"].update_one(
        {"user": user_id, "credit": {"$gte": amount}}, {"$inc": {"credit": -amount}}
    )
    return result.modified_count == 1


async def take_seat(seat_id, user_id):
    result = await mongo.seats.update_one(
        {"_id": seat_id, "state": "free"}, {"$set": {"state": "taken", "user": user_id}}
    )
    if result.modified_count == 0:
        raise ValueError("taken")


async def confirm(booking_id, gateway, amount):
    async with await mongo.client.start_session() as session:
        async with session.start_transaction():
            await mongo.bookings.update_one({"_id": booking_id}, {"$set": {"state": "paid"}}, session=session)
            await gateway.charge_once(booking_id, amount)
            await mongo.events.update_one({"_id": booking_id}, {"$inc": {"sold": 1}}, session=session)  # finds: cache-not-invalidated


async def confirm_and_queue(booking_id):
    async with await mongo.client.start_session() as session:
        async with session.start_transaction():
            await mongo.bookings.update_one({"_id": booking_id}, {"$set": {"state": "done"}}, session=session)
            tasks.send_tickets.send(str(booking_id))  # finds: enqueue-before-commit


async def cancel(booking_id):
    await mongo.bookings.update_one({"_id": booking_id}, {"$set": {"state": "cancelled"}})
    await bus.emit("bookings.cancelled", {"id": str(booking_id)})  # finds: dual-write


async def reassign(seat_id, user_id, session_pool):
    async with cache.hold(f"seat:{seat_id}", 5):
        async with session_pool.get(f"{settings.SEATMAP_URL}/seats/{seat_id}") as response:
            seat = await response.json()
        await mongo.seats.update_one({"_id": seat_id}, {"$set": {"user": user_id, "row": seat["row"]}})  # finds: lock-without-fenced-write
