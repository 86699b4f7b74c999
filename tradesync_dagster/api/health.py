"""``/health``: for those who watch the process, without a key.

Readiness does not ask how old the last sync is: a proxy would then take the pages away just when
people need them. That is a question of its own, ``/health/sync``. What belongs here: whether the
process answers, its books do, and syncs go on. What does not: figures (``metrics``).
"""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException

from tradesync_dagster.api.access import ServicesNow
from tradesync_dagster.api.answers import Health
from tradesync_dagster.api.problems import documented
from tradesync_dagster.domain.errors import NotMigratedError, TradesyncError
from tradesync_dagster.store.scope import see_only

routes = APIRouter(prefix="/health", tags=["health"])


async def _see_every_one() -> None:
    see_only(None)


EveryOrganization = Annotated[None, Depends(_see_every_one)]


@routes.get("/live", summary="Whether the process answers", response_model=Health)
async def live() -> dict[str, str]:
    """Asks nothing of the books, and waits for no request that does."""
    return {"status": "ok"}


@routes.get(
    "/ready",
    summary="Whether the books answer and have this version's schema",
    response_model=Health,
    responses=documented(HTTPStatus.SERVICE_UNAVAILABLE),
)
def ready(services: ServicesNow) -> dict[str, str]:
    """Requests can be answered."""
    try:
        services.check_books()
    except NotMigratedError:
        raise _unready("the database has another version's schema") from None
    except TradesyncError:
        raise _unready("the database does not answer") from None
    return {"status": "ok"}


@routes.get(
    "/sync",
    summary="Whether syncs go on",
    response_model=Health,
    responses=documented(HTTPStatus.SERVICE_UNAVAILABLE),
)
def sync(services: ServicesNow, _: EveryOrganization) -> dict[str, str]:
    """The last tick began not long ago (TRADESYNC_SYNC_OVERDUE_MINUTES), or no account is on."""
    try:
        late = services.observing().overdue()
    except TradesyncError:
        raise _unready("the database does not answer") from None
    if late is not None:
        ago = f"the last tick began {late // timedelta(minutes=1)} minutes ago"
        known = "there has been no tick yet" if late == timedelta.max else ago
        raise _unready(f"{known}; see the schedules in Dagster")
    return {"status": "ok"}


def _unready(sentence: str) -> HTTPException:
    return HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, sentence)
