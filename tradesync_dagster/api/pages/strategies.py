"""Strategies: what each one's orders came to.

What belongs here: the list, and one strategy with its curve. What does not: adding strategies (the
command line and the HTTP API), adding their books up (``bootstrap.strategy_reading``).
"""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request
from starlette.responses import Response

from tradesync_dagster.api.access import ServicesNow
from tradesync_dagster.api.pages.charts import line_chart
from tradesync_dagster.api.pages.rendering import page
from tradesync_dagster.api.pages.visitors import Viewer
from tradesync_dagster.api.values import Name

routes = APIRouter()
STRETCHES = (30, 90, 365)
"""Days that may be chosen."""
_Days = Annotated[int, Query(ge=1, le=STRETCHES[-1])]


@routes.get("/strategies")
def strategies_page(
    request: Request, visitor: Viewer, services: ServicesNow, days: _Days = STRETCHES[0]
) -> Response:
    """Every strategy of the person, over all of its accounts."""
    lines = services.strategy_reading().lines(visitor.organization, days)
    return page(request, "strategies.html", visitor, lines=lines, days=days, stretches=STRETCHES)


@routes.get("/strategies/{organization}/{strategy_id}")
def strategy_page(
    request: Request,
    visitor: Viewer,
    services: ServicesNow,
    organization: Annotated[Name, Path()],
    strategy_id: Annotated[Name, Path()],
    days: _Days = STRETCHES[0],
) -> Response:
    """One strategy: its curve, and its accounts."""
    if not visitor.person.sees(organization):
        raise HTTPException(404)
    reading = services.strategy_reading()
    found = [one for one in reading.lines(organization, days) if one.strategy_id == strategy_id]
    if not found:
        raise HTTPException(404)
    return page(
        request,
        "strategy.html",
        visitor,
        line=found[0],
        accounts=reading.accounts(organization, strategy_id, days),
        chart=line_chart(f"Profit of {found[0].name}", found[0].points),
        days=days,
        stretches=STRETCHES,
    )
