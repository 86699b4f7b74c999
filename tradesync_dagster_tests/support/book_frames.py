"""Fills by example as the books take them, and the books as a test reads them."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pandas as pd

from tradesync_dagster.domain.book_frames import FILL_COLUMNS, empty_lots
from tradesync_dagster.domain.bookkeeping import Books, keep
from tradesync_dagster.domain.facts import Facts
from tradesync_dagster.domain.market_calendar import microseconds

Trade = dict[str, Any]
_numbers = count(1)
_COLUMNS = [*FILL_COLUMNS, "strategy_id"]
_WHOLE = ("account_id", "trade_date", "quantity", "price", "filled_at")
INFY = "INE009A01021"
LISTED = {("NSE", "INFY"): INFY, ("BSE", "INFY"): INFY}


def trade(quantity: int, price: int, day: date, product: str = "CNC", **more: Any) -> Trade:
    """Make a row of ``FILL_COLUMNS``, later than those made before; a negative quantity sells."""
    number = next(_numbers)
    morning = datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
    exchange = more.get("exchange", "NSE")
    return {
        "account_id": 1,
        "strategy_id": "",
        "trade_date": day.toordinal(),
        "fill_id": f"{exchange}:{number:06}",
        "broker_order_id": "",
        "exchange": exchange,
        "symbol": "INFY",
        "isin": "",
        "product": product,
        "quantity": quantity,
        "price": price,
        "filled_at": microseconds(morning + timedelta(seconds=number)),
    } | more


def fills_of(trades: Iterable[Trade]) -> pd.DataFrame:
    """Make a frame of fills."""
    frame = pd.DataFrame(list(trades), columns=_COLUMNS)
    return frame.astype(dict.fromkeys(_WHOLE, "int64"))


def kept(trades: Iterable[Trade], facts: Facts) -> Books:
    """Keep books from the beginning."""
    return keep(empty_lots(), fills_of(trades), facts, 1)


def lots_on(books: Books, day: date, *columns: str) -> list[tuple[Any, ...]]:
    """List the lots open at a day's end, by product and in FIFO order; quantity and price."""
    lots, number = books.lots, day.toordinal()
    held = lots[(lots["held_from"] <= number) & (lots["held_to"] > number)]
    held = held.sort_values(["product", "instrument", "opened_at", "piece"], kind="stable")
    names = list(columns) or ["quantity", "price"]
    return list(held[names].itertuples(index=False, name=None))


def days_of(books: Books, *columns: str) -> list[tuple[Any, ...]]:
    """List the days of all queues by date and product; by default the date and what it earned."""
    days = books.days.sort_values(["trade_date", "product", "instrument"], kind="stable")
    names = list(columns) or ["trade_date", "realised_pnl"]
    rows = days[names].itertuples(index=False, name=None)
    at = names.index("trade_date") if "trade_date" in names else None
    return [tuple(date.fromordinal(v) if n == at else v for n, v in enumerate(row)) for row in rows]
