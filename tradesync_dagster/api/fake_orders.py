"""``/api/v1/fake-orders``: virtual energy trades, and those that became positions.

What belongs here: the routes, and the shapes of what they take and answer. What does not: bounds of
an order (``domain.fake_orders``), the scheduler (``scheduler``).
"""

from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query
from pydantic import BaseModel, Field, JsonValue

from tradesync_dagster.api.access import Caller, Own, ServicesNow, own_of
from tradesync_dagster.api.problems import READING, WRITING
from tradesync_dagster.api.questions import Strict
from tradesync_dagster.api.values import Moment, Money, Name
from tradesync_dagster.bootstrap.moderation import MOST_LISTED
from tradesync_dagster.domain.fake_orders import PLACE, FakeOrderStatus, Wanted

routes = APIRouter(prefix="/api/v1/fake-orders", tags=["fake orders"])
Row = dict[str, Any]

_Place = Annotated[str, Field(pattern=f"^{PLACE}$", examples=["PJM"])]
_Number = Annotated[str, Field(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$", examples=["25.50"])]
_At = Annotated[
    str,
    Field(
        pattern=r"^20[0-9]{2}-[0-9T:.+Z -]{6,30}$",
        examples=["2026-03-02T15:00:00.000Z"],
        description="ISO 8601 with its offset; up to a week ago and a year ahead.",
    ),
]
_Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,128}$",
        description="The same key again answers with the order that it made.",
    ),
]
_OrderId = Annotated[str, Path(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
_Limit = Annotated[int, Query(ge=1, le=MOST_LISTED, description="Most rows.")]


class NewFakeOrder(Strict):
    """A fake order to take in."""

    organization_id: Annotated[Name | None, Field(description="The key's own if not given.")] = None
    market: _Place
    node: _Place
    side: Annotated[str, Field(pattern="^(BUY|SELL)$")]
    quantity_mwh: _Number
    limit_price: _Number
    hour_start_utc: _At


class FakeOrderAnswer(BaseModel):
    """A fake order."""

    order_id: str
    organization_id: str
    market: str
    node: str
    side: str
    quantity_mwh: Money
    limit_price: Money
    hour_start_utc: Moment
    status: Literal["PENDING", "APPROVED", "REJECTED", "QUARANTINED"]
    created_at: Moment
    decided_at: Moment | None
    rt_lmp: Annotated[Money | None, Field(description="The real-time LMP of its decision.")]
    reason: Annotated[str, Field(description="Why it was rejected or quarantined.")]


class MarkAnswer(BaseModel):
    """What an order was worth at one moment."""

    at: Moment
    lmp: Money
    pnl: Money


class EventAnswer(BaseModel):
    """Something that happened to an order."""

    at: Moment
    kind: str
    detail: dict[str, JsonValue]


class FakeOrderStory(FakeOrderAnswer):
    """A fake order with its marks and events."""

    pnl: Money | None
    marks: list[MarkAnswer]
    events: list[EventAnswer]


class FakePosition(BaseModel):
    """An approved fake order."""

    order_id: str
    organization_id: str
    market: str
    node: str
    side: str
    quantity_mwh: Money
    limit_price: Money
    hour_start_utc: Moment
    rt_lmp: Money
    state: Annotated[str, Field(description="`live` within its hour, then `closed`.")]
    last_lmp: Money | None
    pnl: Money | None
    marked_at: Moment | None


@routes.post(
    "",
    summary="Take in a fake order",
    status_code=HTTPStatus.CREATED,
    response_model=FakeOrderAnswer,
    responses=WRITING,
)
def create(
    body: NewFakeOrder, caller: Caller, services: ServicesNow, idempotency_key: _Key = None
) -> Row:
    """It is moderated at its hour; one whose hour has passed, with the next look."""
    wanted = Wanted(
        organization_id=own_of(caller, body.organization_id),
        **body.model_dump(exclude={"organization_id"}),
    )
    return services.moderation().add(wanted, idempotency_key)


@routes.get(
    "",
    summary="List fake orders, latest hours first",
    response_model=list[FakeOrderAnswer],
    responses=READING,
)
def listed(
    own: Own,
    services: ServicesNow,
    status: Annotated[FakeOrderStatus | None, Query(description="All if not given.")] = None,
    limit: _Limit = 100,
) -> list[Row]:
    """Of one organization."""
    return services.moderation().listed(own, status, limit)


@routes.get(
    "/positions",
    summary="List approved orders with their P&L",
    response_model=list[FakePosition],
    responses=READING,
)
def positions(own: Own, services: ServicesNow, limit: _Limit = 100) -> list[Row]:
    """Latest hours first; the P&L is that of the latest mark."""
    return services.moderation().positions(own, limit)


@routes.get(
    "/{order_id}",
    summary="Show a fake order with its marks and events",
    response_model=FakeOrderStory,
    responses=READING,
)
def shown(order_id: _OrderId, own: Own, services: ServicesNow) -> Row:
    """One mark for each interval of its hour."""
    return services.moderation().shown(UUID(order_id), own)
