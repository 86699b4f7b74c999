"""The application: all routes in one place, with their bounds.

What belongs here: putting the routes together, and how much is done at once. What does not: what
any of them does; the process around it (``server``).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from starlette.middleware import Middleware

from tradesync_dagster.api import books, breaks, external, health
from tradesync_dagster.api.bounds import BoundedBodies
from tradesync_dagster.api.problems import answer_failures
from tradesync_dagster.bootstrap import Services
from tradesync_dagster.bootstrap.dagster_graphql import Dagster

_MOST_AT_ONCE = 10
"""Handlers that work at the same time, each with one connection; the others wait their turn."""


def create_app(services: Services, dagster: Dagster) -> FastAPI:
    """Build the application.

    Args:
        services: What the routes ask; closed by the caller.
        dagster: Where syncs are started.

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
    for room in (external, breaks, books, health):
        app.include_router(room.routes)
    answer_failures(app)
    return app


@asynccontextmanager
async def _bounded(_: FastAPI) -> AsyncIterator[None]:
    current_default_thread_limiter().total_tokens = _MOST_AT_ONCE
    yield
