import asyncio
import logging
import time

import aiohttp
from aiohttp import web

from ticketing.core import bus, cache, mongo, payments, repository

log = logging.getLogger(__name__)
routes = web.RouteTableDef()


@routes.get("/events/{id}")
async def show_event(request):
    return web.json_response(await repository.load_event(request.match_info["id"]))


@routes.post("/bookings")
async def create_booking(request):
    body = await request.json()
    booking = await repository.book(body["seat"], body["user"])
    asyncio.create_task(bus.emit("bookings.created", {"id": str(booking["_id"])}))  # finds: floating-effect
    return web.json_response({"id": str(booking["_id"])}, status=201)


@routes.post("/halls/maps")
async def hall_maps(request):
    body = await request.json()
    session = request.app["http"]
    maps = await asyncio.gather(*[payments.seat_map(session, hall) for hall in body["halls"]])  # finds: unbounded-fanout
    return web.json_response(maps)


@routes.post("/halls/maps/bounded")
async def hall_maps_bounded(request):
    body = await request.json()
    session = request.app["http"]
    gate = asyncio.Semaphore(4)

    async def one(hall):
        async with gate:
            return await payments.seat_map(session, hall)

    return web.json_response(await asyncio.gather(*[one(hall) for hall in body["halls"]]))


class Bookings(web.View):
    async def delete(self):
        await repository.cancel(self.request.match_info["id"])
        return web.Response(status=204)

    async def post(self):
        gateway = payments.PaymentGateway(self.request.app["http"])
        body = await self.request.json()
        await repository.confirm(body["id"], gateway, body["amount"])
        try:
            await bus.emit("bookings.confirmed", body)  # finds: dual-write
        except Exception:  # finds: swallowed-remote-error
            pass
        return web.Response(status=202)


async def on_startup(app):
    app["http"] = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))


def make_app():
    app = web.Application()
    app.add_routes(routes)
    app.router.add_view("/bookings/{id}", Bookings)
    app.on_startup.append(on_startup)
    return app
