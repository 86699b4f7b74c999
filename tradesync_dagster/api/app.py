"""The application: all routes in one place, with their bounds.

What belongs here: putting the routes together, and how much is done at once. What does not: what
any of them does; the process around it (``server``).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from importlib.metadata import version

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse

from tradesync_dagster.api import (
    books,
    breaks,
    claims,
    external,
    fake_orders,
    health,
    hints,
    metrics,
    order_statistics,
    ownership,
    preferences,
    scheduler,
    schedules,
    twins,
    user_orders,
)
from tradesync_dagster.api.bounds import BoundedBodies
from tradesync_dagster.api.pages.app import create_pages
from tradesync_dagster.api.pages.live import Live
from tradesync_dagster.api.pages.visitors import ROOT as PAGES
from tradesync_dagster.api.problems import answer_failures
from tradesync_dagster.bootstrap import Services
from tradesync_dagster.bootstrap.dagster_graphql import Dagster
from tradesync_dagster.bootstrap.hints import Hints
from tradesync_dagster.bootstrap.listening import Listening

_MOST_AT_ONCE = 10
"""Handlers that work at the same time, each with one connection; the others wait their turn."""


def create_app(services: Services, dagster: Dagster, *, listening: bool = False) -> FastAPI:
    """Build the application.

    Args:
        services: What the routes ask; closed by the caller.
        dagster: Where syncs are started.
        listening: Whether it listens for orders' changes at brokers, as one process of a desk does.

    Returns:
        An ASGI application.
    """
    app = FastAPI(
        title="tradesync",
        summary="A trading desk's books across its broker accounts",
        version=version("tradesync-dagster"),
        docs_url=None,  # the page would load scripts from elsewhere, and be given keys
        redoc_url=None,
        lifespan=_bounded,
        middleware=[Middleware(BoundedBodies)],
    )
    app.state.services = services
    app.state.dagster = dagster
    rooms = (
        external, ownership, claims, breaks, books, fake_orders, scheduler, health, metrics,
        user_orders, schedules, order_statistics, hints, preferences, twins,
    )  # fmt: skip
    for room in rooms:
        app.include_router(room.routes)
    app.state.live = Live(services)
    app.state.hints = Hints(services)
    app.state.listening = Listening(services, app.state.hints.look_at) if listening else None
    app.mount(PAGES, create_pages(services, dagster, app.state.live))
    app.add_api_route("/", _to_pages, include_in_schema=False)
    answer_failures(app)
    return app


async def _to_pages() -> RedirectResponse:
    return RedirectResponse(f"{PAGES}/")


@asynccontextmanager
async def _bounded(app: FastAPI) -> AsyncIterator[None]:
    current_default_thread_limiter().total_tokens = _MOST_AT_ONCE
    listening: Listening | None = app.state.listening
    async with nullcontext() if listening is None else listening.under_way():
        yield
    app.state.hints.close()
