"""``/api/v1/user/orders``: orders of any status, and those that failed: tried again or dropped.

What belongs here: the routes, and the shapes of what they take and answer. What does not: which
failures may pass (``domain.retries``), the queue's steps (``sync.retrying``).
"""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from tradesync_dagster.api.access import Caller, Own, ServicesNow, key_of
from tradesync_dagster.api.order_answers import Order
from tradesync_dagster.api.problems import ASSIGNING, READING, documented
from tradesync_dagster.api.questions import Strict
from tradesync_dagster.api.values import Day, Moment, Name, Note, ShortNote
from tradesync_dagster.domain.orders import OrderStatus
from tradesync_dagster.store.user_orders import OrderFilter

routes = APIRouter(prefix="/api/v1/user/orders", tags=["user orders"])
Row = dict[str, Any]
_MOST = 500
_FARTHEST = 1_000_000


class QueuePlace(BaseModel):
    """Where a failed order stands in the retry queue."""

    kind: Annotated[str, Field(examples=["margin"], description="Why it failed, in one word.")]
    kind_means: Annotated[str, Field(description="Why that may pass, or may not.")]
    expires_at: Annotated[Moment, Field(description="From then on it is not sent again.")]
    next_retry_at: Annotated[
        Moment | None, Field(description="When it is tried again by itself; null for by hand only.")
    ]
    held_by: Annotated[str, Field(description="What holds it back; empty for nothing.")]


class UserOrder(Order):
    """An order with what became of it where it failed."""

    retry: Annotated[QueuePlace | None, Field(description="Null where it is not in the queue.")]


class UserOrders(BaseModel):
    """One page of a list of orders."""

    orders: list[UserOrder]
    total: Annotated[int, Field(description="On all pages.")]
    limit: int
    offset: int


class Retry(Strict):
    """What is known by who wants a retry."""

    retry_count: Annotated[
        int | None,
        Field(ge=0, le=10_000, description="As last read: if it has grown since, 409."),
    ] = None


@routes.get(
    "",
    summary="List orders, newest first",
    response_model=UserOrders,
    responses=READING,
)
def user_orders(  # noqa: PLR0913 - one parameter a filter
    organization: Own,
    services: ServicesNow,
    *,
    status: Annotated[
        list[OrderStatus], Query(max_length=20, description="Any of these; all if not given.")
    ] = [],  # noqa: B006 - FastAPI's
    reason: Annotated[
        Note, Query(description="Part of why an order failed, was rejected or cancelled.")
    ] = "",
    date_from: Annotated[Day | None, Query(alias="from", description="First trade date.")] = None,
    date_to: Annotated[Day | None, Query(alias="to", description="Last trade date.")] = None,
    pseudo_account: Annotated[Name | None, Query(description="All accounts if not given.")] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 100,
    offset: Annotated[int, Query(ge=0, le=_FARTHEST)] = 0,
) -> Row:
    """Those that failed or were rejected say why, how often they were tried, and what follows."""
    if pseudo_account is not None:
        services.chosen(key_of(organization, pseudo_account))
    wanted = OrderFilter(
        organization, pseudo_account, tuple(status), reason, date_from, date_to,
        limit=limit, offset=offset,
    )  # fmt: skip
    orders, total = services.retries().orders(wanted)
    return {"orders": orders, "total": total, "limit": limit, "offset": offset}


@routes.post(
    "/{order_id}/retry",
    summary="Try a failed order again now",
    response_model=UserOrder,
    responses=ASSIGNING,
)
def retry(
    organization: Own,
    caller: Caller,
    services: ServicesNow,
    order_id: UUID,
    body: Retry | None = None,
) -> Row:
    """Answers with the order as the broker's answer left it, which may have failed again.

    An order that was rejected at the broker is tried again as another one, which names it in
    `retry_of`. Of several who ask at once one gets it, the others 409. Limits and halts hold.
    """
    retries = services.retries()
    account = retries.account_of(order_id, organization)
    tried = None if body is None else body.retry_count
    found = services.trading().retry(account, order_id, who=caller.name, tried=tried, verify=False)
    return retries.one(account, found.order.order_id)


@routes.delete(
    "/{order_id}",
    summary="Drop a failed order",
    response_model=UserOrder,
    responses=READING | documented(HTTPStatus.CONFLICT),
)
def drop(
    organization: Own,
    caller: Caller,
    services: ServicesNow,
    order_id: UUID,
    why: Annotated[ShortNote, Query(description="Is kept with it.")] = "",
) -> Row:
    """It is cancelled, or stays rejected, and nobody tries it again."""
    retries = services.retries()
    account = retries.account_of(order_id, organization)
    retries.drop(account, order_id, who=caller.name, why=why)
    return retries.one(account, order_id)
