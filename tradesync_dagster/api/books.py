"""``/positions``, ``/holdings`` and ``/metrics`` of an account.

What belongs here: the routes. What does not: the books (``bootstrap.reading``).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from tradesync_dagster.api.access import Account, PastDay, ServicesNow
from tradesync_dagster.api.answers import Holding, Metrics, Position
from tradesync_dagster.api.problems import READING
from tradesync_dagster.api.values import Days

routes = APIRouter(tags=["books"])
Rows = list[dict[str, Any]]


@routes.get(
    "/positions/{pseudo_account}",
    summary="List positions by FIFO",
    response_model=list[Position],
    responses=READING,
)
def positions(account: Account, services: ServicesNow, as_of: PastDay) -> Rows:
    """Now, or as they stood at a past day's end."""
    return services.positions(account, as_of)


@routes.get(
    "/holdings/{pseudo_account}",
    summary="List holdings with their true cost",
    response_model=list[Holding],
    responses=READING,
)
def holdings(account: Account, services: ServicesNow, as_of: PastDay) -> Rows:
    """Now, or as they stood at a past day's end."""
    return services.holdings(account, as_of)


@routes.get(
    "/metrics/{pseudo_account}",
    summary="Sum up an account and its strategies",
    response_model=list[Metrics],
    responses=READING,
)
def metrics(
    account: Account,
    services: ServicesNow,
    days: Annotated[Days, Query(description="How many days back, today included.")] = 365,
) -> Rows:
    """Profit, win rate, exposure and drawdown."""
    return services.metrics(account, days)
