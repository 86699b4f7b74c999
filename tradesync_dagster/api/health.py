"""``/health``: for those who watch the process, without a key.

What belongs here: whether the process answers, and whether its books do. What does not: anything
out of the books.
"""

from http import HTTPStatus

from fastapi import APIRouter, HTTPException

from tradesync_dagster.api.access import ServicesNow
from tradesync_dagster.api.answers import Health
from tradesync_dagster.api.problems import documented
from tradesync_dagster.domain.errors import NotMigratedError, TradesyncError

routes = APIRouter(prefix="/health", tags=["health"])


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


def _unready(sentence: str) -> HTTPException:
    return HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, sentence)
