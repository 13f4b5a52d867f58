from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ReadPreference

from ticketing.core import settings

client = AsyncIOMotorClient(settings.MONGO_URL)
db = client["ticketing"]
secondary = client.get_database("ticketing", read_preference=ReadPreference.SECONDARY_PREFERRED)

seats = db["seats"]
bookings = db["bookings"]
events = db.events
