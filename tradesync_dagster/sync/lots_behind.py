"""The lots behind one position or holding of a day: those left open, and those that it closed.

What belongs here: reading one queue's day, and sums that the position and the holding repeat. What
does not: pairing (``domain.closed_lots``), how lots read (``api.pages``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from tradesync_dagster.domain.book_frames import Row, fifo_place, rows_of
from tradesync_dagster.domain.bookkeeping import SETTLED
from tradesync_dagster.domain.closed_lots import closed_on
from tradesync_dagster.domain.facts import Facts
from tradesync_dagster.domain.market_calendar import moment_of
from tradesync_dagster.domain.openings import ASSUMED
from tradesync_dagster.domain.ports import Store
from tradesync_dagster.domain.positions import Behind, average_price, behind


@dataclass(frozen=True, slots=True)
class Named:
    """How a position or a holding is named."""

    exchange: str
    symbol: str
    product: str


@dataclass(frozen=True, slots=True)
class Total:
    """What lots come to: the quantity, signed, and the average price in millionths."""

    quantity: int
    average_price: int


@dataclass(frozen=True, slots=True)
class LotsBehind:
    """One queue's day; shares for delivery are one queue on all exchanges.

    Attributes:
        open: Lots open at the day's end, or now, first in first, each with what it is ``behind``.
        closed: What the day closed, in the order in which it closed; profit in millionths.
        holding: The holding's lots together; ``None`` without any.
        position: The position's lots together; likewise.
        realised_pnl: Profit of the closed lots together, in millionths.
    """

    open: list[Row]
    closed: list[Row]
    holding: Total | None
    position: Total | None
    realised_pnl: int


def lots_behind(store: Store, account_id: int, day: date, named: Named) -> LotsBehind:
    """Read the lots behind a position or a holding.

    Args:
        store: The books.
        account_id: Whose.
        day: The exchange's day; of today what is known by now.
        named: Which one.

    Returns:
        The lots; none for what was never traded.
    """
    ids, eve = [account_id], day - timedelta(days=1)
    with store.look() as work:
        facts = work.facts(ids)
        fills = work.fills(ids, day, day).assign(strategy_id="")
        left = work.open_lots(ids, day)
        ended = closed_on(work.open_lots(ids, eve), fills, facts, day.toordinal())
        multiplier = work.instruments().get((named.exchange, named.symbol), (1, None))[0]
    queues = _queues(named, facts, [left, ended])
    rows = sorted(rows_of(_of(left, queues, named)), key=fifo_place("opened_at"))
    pairs = [_pair(row, multiplier) for row in rows_of(_of(ended, queues, named))]
    of = {one: [row for row in rows if behind(row, day) is one] for one in Behind}
    return LotsBehind(
        open=[_lot(row, day) for row in rows],
        closed=pairs,
        holding=_total(of[Behind.HOLDING]),
        position=_total(of[Behind.POSITION]),
        realised_pnl=sum(row["realised_pnl"] for row in pairs),
    )


def _queues(named: Named, facts: Facts, frames: Sequence[pd.DataFrame]) -> set[str]:
    """Name the instruments that a row of the books may stand for: fills may name shares too."""
    found = {facts.instrument(named.exchange, named.symbol, named.product)}
    for frame in frames:
        same = (frame["exchange"] == named.exchange) & (frame["symbol"] == named.symbol)
        found |= set(frame.loc[same & (frame["product"] == named.product), "instrument"])
    return found


def _of(frame: pd.DataFrame, queues: set[str], named: Named) -> pd.DataFrame:
    return frame[frame["instrument"].isin(queues) & (frame["product"] == named.product)]


def _lot(row: Row, day: date) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("exchange", "symbol", "quantity", "price")},
        "opened_on": date.fromordinal(row["trade_date"]),
        "opened_at": moment_of(row["opened_at"]),
        "assumed": row["fill_id"].startswith(ASSUMED),
        "behind": behind(row, day),
    }


def _pair(row: Row, multiplier: int) -> dict[str, Any]:
    expired = row["closed_by"].startswith(SETTLED)
    return {
        **{name: row[name] for name in ("exchange", "symbol", "quantity")},
        **{name: row[name] for name in ("opening_price", "closing_price")},
        "opened_on": date.fromordinal(row["opened_on"]),
        "opened_at": moment_of(row["opened_at"]),
        "assumed": row["opened_by"].startswith(ASSUMED),
        "closed_at": None if expired else moment_of(row["closed_at"]),
        "realised_pnl": int(row["realised_pnl"]) * multiplier,
    }


def _total(lots: Sequence[Row]) -> Total | None:
    if not lots:
        return None
    return Total(sum(row["quantity"] for row in lots), average_price(lots))
