"""``/api/v1/user/order-statistics``: how many orders stand where.

What belongs here: the route and its answer. What does not: the orders themselves
(``user_orders``), counting (``bootstrap.monitoring``).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from tradesync_dagster.api.access import Organization, ServicesNow, key_of
from tradesync_dagster.api.problems import READING
from tradesync_dagster.api.values import Day, Name

routes = APIRouter(prefix="/api/v1/user", tags=["user orders"])


class OrderStatistics(BaseModel):
    """Orders of a day, and those of earlier days that brokers may still be working."""

    trade_date: Day
    total: int
    statuses: Annotated[dict[str, int], Field(description="Every status, also with none.")]
    sides: dict[str, int]
    origins: dict[str, int]


@routes.get(
    "/order-statistics",
    summary="Count orders by status, side and origin",
    response_model=OrderStatistics,
    responses=READING,
)
def statistics(
    organization: Organization,
    services: ServicesNow,
    pseudo_account: Annotated[Name | None, Query(description="All if not given.")] = None,
    trade_date: Annotated[Day | None, Query(description="Today if not given.")] = None,
) -> dict[str, Any]:
    """Of one organization."""
    if pseudo_account is not None:
        services.chosen(key_of(organization, pseudo_account))
    return services.monitoring().statistics(organization, pseudo_account, trade_date)
