"""One account's day, the lots behind its figures, and one order's life.

What belongs here: these pages. What does not: the reads (``bootstrap.page_reading``).
"""

from datetime import date
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from tradesync_dagster.api.access import ServicesNow, check_begun, key_of
from tradesync_dagster.api.pages.charts import line_chart
from tradesync_dagster.api.pages.fields import BookField, DayField, FilterField, SymbolField
from tradesync_dagster.api.pages.rendering import dagster_url, page
from tradesync_dagster.api.pages.visitors import OwnAccount, Viewer, own_account
from tradesync_dagster.bootstrap.page_reading import MOST_ROWS, Listed
from tradesync_dagster.domain.order_sources import OrderSource
from tradesync_dagster.domain.orders import OrderStatus, Origin
from tradesync_dagster.sync.lots_behind import Named

routes = APIRouter()
CURVE_DAYS = 30
"""That the curve of an account reaches back."""


def _filters(
    status: FilterField = None, origin: FilterField = None, source: FilterField = None
) -> dict[str, str | None]:
    return {"status": status, "origin": origin, "source": source}


def _named(exchange: BookField, symbol: SymbolField, product: BookField) -> Named:
    return Named(exchange, symbol, product)


NamedField = Annotated[Named, Depends(_named)]
Filters = Annotated[dict[str, str | None], Depends(_filters)]


@routes.get("/accounts/{organization}/{pseudo_account}")
def account_page(
    request: Request,
    visitor: Viewer,
    account: OwnAccount,
    services: ServicesNow,
    filters: Filters,
    day: DayField = None,
) -> Response:
    """Orders, positions and holdings of a day, today's if no other is chosen."""
    reading = services.page_reading()
    today = reading.today()
    day = _known_day(day, today)
    chosen = {name: value for name, value in filters.items() if value}
    books = services.strategy_reading().books_of(account, day, CURVE_DAYS)
    positions, holdings = reading.books(account["account_id"], day)
    key = key_of(account["organization_id"], account["pseudo_account"])
    return page(
        request,
        "account.html",
        visitor,
        account=account,
        on_paper=reading.is_on_paper(account["account_id"]),
        day=day,
        today=today,
        filters=filters,
        choices={"status": list(OrderStatus), "origin": list(Origin), "source": list(OrderSource)},
        orders=reading.orders(account["account_id"], day, chosen),
        books=books,
        chart=line_chart(f"Profit of {key}", books[0].points) if books else "",
        curve_days=CURVE_DAYS,
        positions=positions,
        holdings=holdings,
        assets_url=f"{dagster_url(request)}/assets/order_book?partition={quote(key, safe='')}",
    )


@routes.get("/accounts/{organization}/{pseudo_account}/lots")
def lots_page(
    request: Request,
    visitor: Viewer,
    account: OwnAccount,
    services: ServicesNow,
    named: NamedField,
    day: DayField = None,
) -> Response:
    """The lots behind a position or a holding of a day: left open by it, and closed on it."""
    reading = services.page_reading()
    today = reading.today()
    day = _known_day(day, today)
    lots = reading.lots(account["account_id"], day, named)
    return page(
        request,
        "lots.html",
        visitor,
        account=account,
        day=day,
        today=today,
        named=named,
        lots=lots,
        open=Listed(lots.open[:MOST_ROWS], len(lots.open)),
        closed=Listed(lots.closed[:MOST_ROWS], len(lots.closed)),
    )


def _known_day(day: date | None, today: date) -> date:
    check_begun(day, today)
    return day or today


@routes.get("/orders/{order_id}")
def order_page(
    request: Request, visitor: Viewer, services: ServicesNow, order_id: Annotated[UUID, Path()]
) -> Response:
    """All that is known of one order: its fields, its events, and the evidence for its owner."""
    order = services.page_reading().order(order_id)
    account = own_account(services, visitor, order["organization_id"], order["pseudo_account"])
    return page(request, "order.html", visitor, order=order, account=account)
