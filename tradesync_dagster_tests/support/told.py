"""What each broker's wire can tell of the same rows, to compare what came through it."""

from dataclasses import replace
from typing import Any

from tradesync_dagster.domain.answers import Fetch
from tradesync_dagster.domain.order_sources import OrderSource


def rounded(units: int, digits: int) -> int:
    step = 10 ** (6 - digits)
    return (2 * units + step) // (2 * step) * step


def as_kotak_tells(kind: str, row: Any) -> Any:
    """Leave out what Kotak's wire has no word for, and round as it does.

    Its tag is lost in a change, its carried positions have the last close for a cost, and its
    holdings do not tell unsettled shares apart. What placed an order it tells, and Kite does not.
    """
    if kind == "orders":
        average = rounded(row.average_price, 2)
        return replace(row, average_price=average, tag="", source=OrderSource.UNKNOWN)
    if kind == "positions" and row.overnight_quantity:
        return replace(row, average_price=0, overnight_price=0)
    if kind == "holdings":
        held, average = row.quantity + row.t1_quantity, rounded(row.average_price, 4)
        known = replace(row, quantity=held, t1_quantity=0, average_price=average)
        return replace(known, isin="", last_price=0, blocked=known.used_quantity)
    return row


def as_upstox_tells(kind: str, row: Any) -> Any:
    """Do not tell shares that were sold from those held for an open order."""
    return replace(row, blocked=row.used_quantity) if kind == "holdings" else row


def as_autotrader_tells(kind: str, row: Any) -> Any:
    """Leave out what AutoTrader has no word for: today's sales of holdings, and earlier prices."""
    if kind == "positions":
        return replace(row, close_price=0, overnight_price=0)
    return replace(row, used_quantity=0) if kind == "holdings" else row


TOLD = {"AUTOTRADER": as_autotrader_tells, "KOTAK": as_kotak_tells, "UPSTOX": as_upstox_tells}
"""How to make of a row what a broker's wire can tell of it, where that is less."""


def compared(fetch: Fetch[Any], broker: str) -> dict[Any, Any]:
    """Give the rows of a book by what names them, less what a wire has no word for."""
    rows: dict[Any, Any] = {}
    for sent in fetch.rows:
        row = TOLD[broker](fetch.kind, sent) if broker in TOLD else sent
        if fetch.kind == "orders":
            rows[row.broker_order_id] = replace(row, status_word=row.status.value)
        elif fetch.kind == "trades":
            rows[row.fill_id] = replace(row, isin="")
        elif fetch.kind == "positions":  # Kite tells a close only of what was carried
            close = row.close_price if row.overnight_quantity else 0
            rows[row.exchange, row.symbol, row.product] = replace(row, close_price=close)
        else:
            rows[row.exchange, row.symbol, row.product] = row
    assert len(rows) == len(fetch.rows)
    return rows
