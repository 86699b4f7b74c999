"""Fills where a broker has no trades: made from how far each order's fills have grown.

AutoTrader tells of an order how much of it filled and the average it filled at, and nothing of
single trades. When the quantity grew from q1 to q2 and the value (quantity times average) from v1
to v2, then q2 - q1 units were traded for v2 - v1. The memory is the books themselves: q1 and v1 are
the sums of the order's known fills. So a read that is lost loses nothing, the next one tells of
all; the same read twice makes no second fill; and a trade that another source brought already,
under this order's id, is not made again.

Value is never rounded away. Where v2 - v1 is no whole number of price units for each unit, the
growth is two fills at adjacent prices. What is inexact is the broker's average. Rounded to within
e (half of its last decimal, half a millionth at least), it makes the value of all of an order's
fills wrong by q2 * e at most, however often it was read, and the price of one growth by
(q1 + q2) * e / (q2 - q1): a small growth of a large order is priced coarsely. If that were to make
its price nothing or less, the growth is a break, and its units come with the order's next growth.

What belongs here: orders and known fills to new fills. What does not: matching fills (``fifo``),
fills that a broker reports itself (``fills``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

import pandas as pd

from tradesync_dagster.domain.breaks import Break, order_subject
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.market_calendar import moment_of, trade_date_of
from tradesync_dagster.domain.money import INT64_MAX, format_price
from tradesync_dagster.domain.orders import BrokerOrder

KINDS: Final = ("filled_quantity_fell", "filled_value_changed", "filled_value_fell",
                "filled_value_too_large", "fill_time_went_back")  # fmt: skip
"""The kinds of breaks that are found here."""
_SECOND_PART = "+"


@dataclass(frozen=True, slots=True)
class KnownFill:
    """A fill in the books, as far as watermarks need it.

    Attributes:
        quantity: Positive.
        price: In millionths.
        filled_at: UTC.
    """

    trade_date: date
    quantity: int
    price: int
    filled_at: datetime


Known = Mapping[str, Sequence[KnownFill]]
"""One account's fills by the broker's order id."""


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far an order is filled.

    Attributes:
        value: Quantity times price, in millionths; of any size.
        at: The time of the latest of its fills, UTC; ``None`` without any.
    """

    quantity: int = 0
    value: int = 0
    at: datetime | None = None


@dataclass(slots=True)
class Derived:
    """What an account's order book tells of trades.

    Attributes:
        fills: New ones.
        breaks: What differs from the known fills and is no growth.
    """

    fills: list[Fill] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)


def known_in(frame: pd.DataFrame) -> dict[int, dict[str, list[KnownFill]]]:
    """Sort a frame of fills by account and order.

    Args:
        frame: ``book_frames.FILL_COLUMNS``.

    Returns:
        By account id what ``derive`` takes.
    """
    found: dict[int, dict[str, list[KnownFill]]] = {}
    names = ("account_id", "broker_order_id", "trade_date", "quantity", "price", "filled_at")
    for account_id, order_id, day, quantity, price, at in zip(
        *(frame[name].tolist() for name in names), strict=True
    ):
        one = KnownFill(date.fromordinal(day), abs(quantity), price, moment_of(at))
        found.setdefault(account_id, {}).setdefault(order_id, []).append(one)
    return found


def watermark(row: BrokerOrder, known: Known) -> Watermark:
    """Add up an order's known fills.

    Args:
        row: The order.
        known: The account's fills. Brokers use an order's id again on later days, so those from
            before the order's day are another order's.

    Returns:
        How far the books know it to be filled.
    """
    fills = [one for one in known.get(row.broker_order_id, ()) if one.trade_date >= row.trade_date]
    return Watermark(
        sum(one.quantity for one in fills),
        sum(one.quantity * one.price for one in fills),
        max((one.filled_at for one in fills), default=None),
    )


def derive(account_id: int, rows: Iterable[BrokerOrder], known: Known, at: datetime) -> Derived:
    """Make the fills that an order book tells of and the books do not have.

    Args:
        account_id: Whose book it is.
        rows: Its orders, each once.
        known: The account's fills since the day of its oldest order.
        at: When the book was asked for, UTC.

    Returns:
        New fills, at most two an order, and what cannot be one.
    """
    found = Derived()
    for row in rows:
        mark = watermark(row, known)
        reached = Watermark(
            row.filled_quantity, row.filled_quantity * row.average_price, row.updated_at
        )
        wrong = _wrong(mark, reached)
        if wrong:
            found.breaks.append(_break(account_id, row, mark, wrong, at))
        elif reached.quantity > mark.quantity:
            found.fills += _fills(row, mark, reached)
    return found


def _wrong(mark: Watermark, reached: Watermark) -> str:
    """Name what makes a difference no growth; empty for a growth and for no difference."""
    quantity, value = reached.quantity - mark.quantity, reached.value - mark.value
    if quantity < 0:
        return "filled_quantity_fell"
    if quantity == 0:
        return "filled_value_changed" if value else ""
    if value <= 0:
        return "filled_value_fell"
    if -(-value // quantity) > INT64_MAX:
        return "filled_value_too_large"
    return "fill_time_went_back" if mark.at and reached.at and reached.at < mark.at else ""


def _fills(row: BrokerOrder, mark: Watermark, reached: Watermark) -> list[Fill]:
    """Make one fill of a growth, or two at adjacent prices.

    Ids come from the watermark that was reached, so that doing it again names them the same.
    """
    quantity = reached.quantity - mark.quantity
    price, dearer = divmod(reached.value - mark.value, quantity)
    trade_id = f"{row.broker_order_id}@{reached.quantity}"
    parts = [(trade_id, quantity - dearer, price)]
    if dearer:
        parts.append((trade_id + _SECOND_PART, dearer, price + 1))
    return [
        Fill(
            trade_id=name,
            broker_order_id=row.broker_order_id,
            trade_date=trade_date_of(row.updated_at),
            exchange=row.exchange,
            symbol=row.symbol,
            product=row.product,
            side=row.side,
            quantity=units,
            price=each,
            filled_at=row.updated_at,
        )
        for name, units, each in parts
    ]


def _break(account_id: int, row: BrokerOrder, mark: Watermark, kind: str, at: datetime) -> Break:
    evidence = {
        "order": f"{row.side} {row.exchange}:{row.symbol} {row.product}",
        "known_quantity": str(mark.quantity),
        "known_value": format_price(mark.value),
        "known_until": mark.at.isoformat() if mark.at else None,
        "broker_quantity": str(row.filled_quantity),
        "broker_average": format_price(row.average_price),
        "broker_time": row.updated_at.isoformat(),
    }
    return Break(account_id, kind, order_subject(row), at, evidence)
