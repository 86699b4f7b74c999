"""The log of what people did, for admins.

What belongs here: the page. What does not: writing entries (``bootstrap.audit``).
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from tradesync_dagster.api.access import ServicesNow
from tradesync_dagster.api.pages.rendering import page
from tradesync_dagster.api.pages.visitors import Admin

routes = APIRouter()
_ROWS = 100


@routes.get("/audit")
def audit_page(
    request: Request,
    visitor: Admin,
    services: ServicesNow,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:
    """Newest first, a hundred a page."""
    rows = services.audit_log().listed(visitor.person, before, _ROWS + 1)
    older = rows[_ROWS - 1]["audit_id"] if len(rows) > _ROWS else None
    return page(request, "audit.html", visitor, rows=rows[:_ROWS], older=older, before=before)
