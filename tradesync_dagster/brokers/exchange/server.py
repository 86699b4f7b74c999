"""The server: settings, the web application and the process around them.

Belongs here: putting the rooms together, stepping in the background, running and stopping.
Does not belong here: what any request does (the faces and control.py).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from socket import socket

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from tradesync_dagster.brokers.exchange.autotrader import AutoTraderFace
from tradesync_dagster.brokers.exchange.background import (
    RunningExchange,
    read_config,
    running_exchange,
    start_background,
)
from tradesync_dagster.brokers.exchange.config import ExchangeConfig
from tradesync_dagster.brokers.exchange.control import ControlRoutes
from tradesync_dagster.brokers.exchange.faces import VENUE, Face, face_of
from tradesync_dagster.brokers.exchange.faults import Faults
from tradesync_dagster.brokers.exchange.kite import KiteFace
from tradesync_dagster.brokers.exchange.kotak import KotakFace
from tradesync_dagster.brokers.exchange.orders import RefusedError
from tradesync_dagster.brokers.exchange.paper import PaperFace
from tradesync_dagster.brokers.exchange.units import IST
from tradesync_dagster.brokers.exchange.upstox import UpstoxFace
from tradesync_dagster.brokers.exchange.venue import Venue

__all__ = [
    "ExchangeConfig",
    "RunningExchange",
    "create_app",
    "running_exchange",
    "serve",
    "start_background",
]


FACES: tuple[type[Face], ...] = (
    AutoTraderFace,
    KiteFace,
    KotakFace,
    PaperFace,
    UpstoxFace,
)
"""One name a broker."""


def wall_clock() -> datetime:
    """Tell the machine's time in the exchange's zone."""
    return datetime.now(IST)  # noqa: TID251 - the simulator is the one that makes the time


def create_app(
    config: ExchangeConfig, wall: Callable[[], datetime] = wall_clock
) -> web.Application:
    """Build the application; the venue is made, or replayed from its journal, here.

    Raises:
        ValueError: the journal belongs to an exchange with other settings, or an account is at a
            broker that the exchange has no face of.
    """
    venue = Venue(config.genesis(), config.journal, wall)
    faults = Faults()
    faces = [make(venue) for make in FACES]
    control = ControlRoutes(venue, faults, faces, config.brokers)

    app = web.Application(middlewares=[_guard(config, venue, faults, faces)])
    app[VENUE] = venue
    for face in faces:
        face.add_to(app.router)
    control.add_to(app.router)

    async def living(_: web.Application) -> AsyncIterator[None]:
        """Step in the background while the server runs."""
        task = asyncio.create_task(_keep_stepping(venue, config.step_seconds))
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        venue.close()

    app.cleanup_ctx.append(living)
    return app


def _guard(
    config: ExchangeConfig, venue: Venue, faults: Faults, faces: Sequence[Face]
) -> Middleware:
    """Make what stands before every route."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Delay, break, refuse and date every answer."""
        ours = request.path.startswith("/sim/")
        if config.latency_ms and not ours:
            await asyncio.sleep(config.latency_ms / 1000)
        try:
            fault = faults.take(request) if faults.armed and not ours else None
            if fault is None:
                response = await handler(request)
            else:
                response = await faults.suffer(fault, request, handler)
        except RefusedError as error:
            response = face_of(faces, request.path).failure(error)
        except web.HTTPException as error:
            refused = RefusedError(_missing(error), "GeneralException", error.status)
            response = face_of(faces, request.path).failure(refused)
        now = format_datetime(venue.now().astimezone(UTC), usegmt=True)
        response.headers.setdefault("Date", now)  # a fault may have set another
        return response

    return guard


async def _keep_stepping(venue: Venue, every: float | None) -> None:
    while every is not None:
        await asyncio.sleep(every)
        venue.step()


def _missing(error: web.HTTPException) -> str:
    return "Route not found" if error.status == 404 else error.reason


def serve(config: ExchangeConfig, sock: socket | None = None) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        OSError: the port is taken.
        ValueError: the journal belongs to an exchange with other settings.
    """
    app = create_app(config)
    web.run_app(
        app,
        host=None if sock is not None else config.host,
        port=None if sock is not None else config.port,
        sock=sock,
        print=None,
        access_log=None,
        shutdown_timeout=1.0,
    )


def child() -> None:
    """Be the child process of background.py: serve on the socket it was given."""
    config, listener = read_config()
    serve(config, listener)
