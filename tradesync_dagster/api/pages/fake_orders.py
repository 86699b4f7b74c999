"""Fake orders: what waits for its hour, what came of it, and a form for a new one.

What belongs here: the pages. What does not: an order's bounds (``domain.fake_orders``), deciding
(``sync.moderating``).
"""

import secrets
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, HTTPException, Path, Query, Request
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from tradesync_dagster.api.access import ServicesNow
from tradesync_dagster.api.pages.charts import line_chart
from tradesync_dagster.api.pages.fields import Open
from tradesync_dagster.api.pages.rendering import page
from tradesync_dagster.api.pages.visitors import ROOT, Operator, Viewer, organizations_of
from tradesync_dagster.api.values import Line, Name
from tradesync_dagster.domain.fake_orders import FakeOrderStatus, Wanted
from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.money import parse_price

routes = APIRouter()
_ROWS = 200
_OFFSET = "+05:30"
"""Of the zone in which pages show and take times."""
_Hour = Annotated[str, Field(pattern=r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$"), Form()]
_Key = Annotated[str, Field(pattern=r"^[!-~]{1,128}$"), Form()]
_Typed = Annotated[Line, Form()]


@routes.get("/fake-orders")
def fake_orders_page(
    request: Request,
    visitor: Viewer,
    services: ServicesNow,
    status: Annotated[FakeOrderStatus | None, Open, Query()] = None,
) -> Response:
    """The latest hours first, and what is due."""
    moderation = services.moderation()
    return page(
        request,
        "fake_orders.html",
        visitor,
        orders=moderation.listed(visitor.organization, status, _ROWS),
        most=_ROWS,
        waiting=moderation.waiting(visitor.organization),
        chosen=status,
        statuses=list(FakeOrderStatus),
        organizations=organizations_of(services, visitor),
        key=secrets.token_urlsafe(16),
    )


@routes.post("/fake-orders")
def create(  # noqa: PLR0913, PLR0917 - one a field of the form
    visitor: Operator,
    services: ServicesNow,
    organization: Annotated[Name, Form()],
    market: _Typed,
    node: _Typed,
    side: _Typed,
    quantity_mwh: _Typed,
    limit_price: _Typed,
    hour: _Hour,
    key: _Key,
) -> Response:
    """Take an order in; the form carries a key, so that sending it twice makes one order."""
    if organization not in organizations_of(services, visitor):
        raise HTTPException(404)
    wanted = Wanted(
        organization, market, node, side, quantity_mwh, limit_price, f"{hour}:00{_OFFSET}"
    )
    with services.audit_log().around(
        visitor.person.name, "add fake order", organization, f"{market} {node}",
        side=side, quantity_mwh=quantity_mwh, limit_price=limit_price, hour=hour,
    ):  # fmt: skip
        made = services.moderation().add(wanted, key)
    return RedirectResponse(f"{ROOT}/fake-orders/{made['order_id']}", HTTPStatus.SEE_OTHER)


@routes.get("/fake-orders/{order_id}")
def fake_order_page(
    request: Request, visitor: Viewer, services: ServicesNow, order_id: Annotated[UUID, Path()]
) -> Response:
    """One order: its decision, its events, and its P&L through its hour."""
    order = services.moderation().shown(order_id, visitor.organization)
    points = [(_clock(mark["at"]), parse_price(mark["pnl"])) for mark in order["marks"]]
    return page(
        request, "fake_order.html", visitor, order=order, chart=line_chart("P&L", points),
    )  # fmt: skip


def _clock(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(IST).strftime("%H:%M")
