"""The pages as one application, mounted into the API's.

What belongs here: putting the pages together, and what holds for all of them. What does not: what
any of them shows.
"""

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp

from tradesync_dagster.api.pages import (
    accounts,
    audit,
    breaks,
    external,
    fake_orders,
    live,
    notifications,
    overview,
    preferences,
    retries,
    schedules,
    signing_in,
    static,
    strategies,
    twins,
)
from tradesync_dagster.api.pages.failures import answer_failures
from tradesync_dagster.api.pages.headers import SecureHeaders
from tradesync_dagster.api.pages.kept import ShortMemory
from tradesync_dagster.api.pages.live import Live
from tradesync_dagster.api.pages.visitors import check_form
from tradesync_dagster.bootstrap import Services
from tradesync_dagster.bootstrap.dagster_graphql import Dagster

ROOMS = (
    signing_in, overview, accounts, external, retries, breaks, strategies, fake_orders,
    notifications, preferences, schedules, live, audit, static, twins,
)  # fmt: skip


def create_pages(services: Services, dagster: Dagster, live_updates: Live) -> ASGIApp:
    """Build the pages.

    Args:
        services: What they ask; closed by the caller.
        dagster: Where the Dagster UI is.
        live_updates: Whom open pages follow.

    Returns:
        The application, with the headers that every answer of it carries.
    """
    pages = FastAPI(openapi_url=None, dependencies=[Depends(check_form)])
    pages.state.services = services
    pages.state.dagster = dagster
    pages.state.memory = ShortMemory(lambda: services.page_reading().mark())
    pages.state.live = live_updates
    for room in ROOMS:
        pages.include_router(room.routes)
    answer_failures(pages)
    return SecureHeaders(pages)
