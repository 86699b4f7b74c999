"""External orders, and giving them to strategies.

Two clicks: choose orders and a strategy, then see the evidence, say why and confirm; there, orders
can be split as well, and the last assignment undone. What belongs here: the pages. What does not:
changing owners (``sync.assigning``).
"""

import re
from collections.abc import Iterator
from datetime import date
from http import HTTPStatus
from itertools import groupby
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from starlette.responses import RedirectResponse, Response

from tradesync_dagster.api.access import ServicesNow, key_of
from tradesync_dagster.api.pages.fields import OrderIds, OrderIdsSent, OrganizationField, Why
from tradesync_dagster.api.pages.rendering import days_back, page
from tradesync_dagster.api.pages.visitors import ROOT, Operator, Viewer, organizations_of
from tradesync_dagster.api.values import Line
from tradesync_dagster.bootstrap import Services
from tradesync_dagster.domain.order_parts import MOST_PARTS, Part, parts_text
from tradesync_dagster.sync.assigning import Assignment, Undo

routes = APIRouter()
_DAYS = 7
_SPLITS = 3
"""Rows for parts in the form."""
_UNITS = re.compile(r"[0-9]{1,15}")
Rows = list[dict[str, Any]]
ShortSent = Annotated[bool, Form()]


def _parts(
    part_strategy: Annotated[list[Line], Form(max_length=MOST_PARTS)] = [],  # noqa: B006 - FastAPI copies
    part_quantity: Annotated[list[Line], Form(max_length=MOST_PARTS)] = [],  # noqa: B006 - FastAPI copies
) -> tuple[Part, ...]:
    """Read the parts of a split; a row without a quantity is none."""
    if len(part_strategy) != len(part_quantity):
        raise HTTPException(422, "give each part a strategy and a quantity")
    filled = [
        (strategy, text.strip())
        for strategy, text in zip(part_strategy, part_quantity, strict=True)
        if text.strip()
    ]
    if not all(_UNITS.fullmatch(text) for _, text in filled):
        raise HTTPException(422, "a part's quantity is a whole number of shares or contracts")
    return tuple(Part(strategy, int(text)) for strategy, text in filled)


PartsSent = Annotated[tuple[Part, ...], Depends(_parts)]
Show = Annotated[Literal["unassigned", "all"], Query()]


@routes.get("/external")
def external_page(
    request: Request,
    visitor: Viewer,
    services: ServicesNow,
    show: Show = "unassigned",
    organization: OrganizationField = None,
    changed: Annotated[int | None, Query(ge=0, le=50)] = None,
) -> Response:
    """Those that nobody owns, of any day, or all of the last days."""
    reading = services.page_reading()
    organizations = organizations_of(services, visitor)
    if visitor.organization is None and organization is None and len(organizations) == 1:
        organization = organizations[0]
    scope = visitor.organization or organization
    since: date | None = days_back(reading.today(), _DAYS) if show == "all" else None
    return page(
        request,
        "external.html",
        visitor,
        show=show,
        days=_DAYS,
        scope=scope,
        organizations=organizations,
        orders=reading.external(scope, since),
        strategies=services.strategies(scope) if scope else [],
        changed=changed,
    )


@routes.get("/assign")
def confirm_page(
    request: Request,
    visitor: Operator,
    services: ServicesNow,
    order: OrderIds,
    strategy: Annotated[Line, Query()] = "",
) -> Response:
    """The second step: what would change, and by which evidence; nothing changes yet."""
    orders = services.page_reading().chosen_orders(visitor.organization, order)
    organization = _one_organization(orders)
    return page(
        request,
        "assign.html",
        visitor,
        orders=orders,
        organization=organization,
        strategy=_known(services, organization, strategy),
        strategies=services.strategies(organization),
        splits=range(1, _SPLITS + 1),
    )


@routes.post("/assign")
def assign(
    visitor: Operator,
    services: ServicesNow,
    order: OrderIdsSent,
    why: Why,
    strategy: Annotated[Line, Form()] = "",
    parts: PartsSent = (),
    allow_short: ShortSent = False,  # noqa: FBT002 - a field of the form
) -> Response:
    """Give the orders to the strategy, or to nobody; account by account, each all or none."""
    orders = services.page_reading().chosen_orders(visitor.organization, order)
    organization = _one_organization(orders)
    strategy = _known(services, organization, strategy)
    for part in parts:
        _known(services, organization, part.strategy_id)
    changed = 0
    for account, ids in _by_account(orders):
        wanted = Assignment(ids, strategy, visitor.person.name, why, parts, allow_short)
        with services.audit_log().around(
            wanted.who, "assign orders", organization, account, strategy=strategy,
            parts=parts_text(parts), why=why, allow_short=allow_short,
            orders=[str(one) for one in ids],
        ):  # fmt: skip
            changed += len(services.assign(account, wanted).order_ids)
    return _back(changed)


@routes.post("/undo")
def undo(
    visitor: Operator,
    services: ServicesNow,
    order: OrderIdsSent,
    why: Why,
    allow_short: ShortSent = False,  # noqa: FBT002 - a field of the form
) -> Response:
    """Give the orders back to whom they belonged before their last assignment."""
    orders = services.page_reading().chosen_orders(visitor.organization, order)
    organization = _one_organization(orders)
    changed = 0
    for account, ids in _by_account(orders):
        wanted = Undo(ids, visitor.person.name, why, allow_short=allow_short)
        with services.audit_log().around(
            wanted.who, "undo assignment", organization, account, why=why,
            allow_short=allow_short, orders=[str(one) for one in ids],
        ):  # fmt: skip
            changed += len(services.undo(account, wanted).order_ids)
    return _back(changed)


def _back(changed: int) -> Response:
    return RedirectResponse(f"{ROOT}/external?changed={changed}", HTTPStatus.SEE_OTHER)


def _by_account(orders: Rows) -> Iterator[tuple[str, list[UUID]]]:
    """Give each account's key with its orders; all are of one organization, in order."""
    for name, rows in groupby(orders, lambda row: str(row["pseudo_account"])):
        found = list(rows)
        yield key_of(found[0]["organization_id"], name), [row["order_id"] for row in found]


def _one_organization(orders: Rows) -> str:
    found = {str(row["organization_id"]) for row in orders}
    if len(found) != 1:
        raise HTTPException(422, "choose orders of one organization: strategies are its own")
    return found.pop()


def _known(services: Services, organization: str, strategy: str) -> str:
    """Return a strategy of the organization, or nothing, which takes orders back."""
    known = {row["strategy_id"] for row in services.strategies(organization)}
    if strategy and strategy not in known:
        raise HTTPException(422, f"{organization} has no such strategy; choose one of the list")
    return strategy
