"""Failed orders: why, what follows by itself, and trying them again or dropping them by hand.

What belongs here: the pages. What does not: the queue's steps (``sync.retrying``), which failures
may pass (``domain.retries``).
"""

from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Path, Request
from starlette.responses import RedirectResponse, Response

from tradesync_dagster.api.access import ServicesNow
from tradesync_dagster.api.pages.fields import OrganizationField, Trimmed
from tradesync_dagster.api.pages.rendering import page
from tradesync_dagster.api.pages.visitors import ROOT, Operator, Viewer, organizations_of
from tradesync_dagster.api.values import ShortNote
from tradesync_dagster.bootstrap.page_reading import MOST_ROWS, Listed

routes = APIRouter()
OrderId = Annotated[UUID, Path()]


Why = Annotated[ShortNote, Trimmed, Form()]


@routes.get("/retries")
def retries_page(
    request: Request,
    visitor: Viewer,
    services: ServicesNow,
    organization: OrganizationField = None,
) -> Response:
    """The queue, the oldest failure first."""
    scope = visitor.organization or organization
    rows = services.retries().listed(scope)
    return page(
        request,
        "retries.html",
        visitor,
        orders=Listed(rows[:MOST_ROWS], len(rows)),
        scope=scope,
        organizations=organizations_of(services, visitor),
    )


@routes.get("/retries/{order_id}")
def retry_page(
    request: Request, visitor: Viewer, services: ServicesNow, order_id: OrderId
) -> Response:
    """One failed order, and what may be done with it; nothing changes yet."""
    account = services.retries().account_of(order_id, visitor.organization)
    rows = services.retries().listed(account=account)
    order: dict[str, Any] | None = next(
        (row for row in rows if row["order_id"] == str(order_id)), None
    )
    return page(
        request, "retry.html", visitor, account=account, order=order, order_id=order_id,
    )  # fmt: skip


@routes.post("/retries/{order_id}")
def act(
    visitor: Operator,
    services: ServicesNow,
    order_id: OrderId,
    action: Annotated[Literal["retry", "drop"], Form()],
    retry_count: Annotated[int, Form(ge=0, le=10_000)] = 0,
    why: Why = "",
) -> Response:
    """Try the order again, if it is as the person saw it, or drop it."""
    retries, who = services.retries(), visitor.person.name
    account = retries.account_of(order_id, visitor.organization)
    organization = account.partition("/")[0]
    shown = order_id
    with services.audit_log().around(
        who, f"{action} order", organization, f"{account} {order_id}", why=why, tried=retry_count
    ):
        if action == "drop":
            retries.drop(account, order_id, who=who, why=why)
        else:
            found = services.trading().retry(
                account, order_id, who=who, tried=retry_count, verify=False
            )
            shown = found.order.order_id
    return RedirectResponse(f"{ROOT}/orders/{shown}", HTTPStatus.SEE_OTHER)
