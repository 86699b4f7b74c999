"""The three-way check: orders against trades, and both against what the broker holds.

Compared over the union of keys, so that neither side can leave anything out, with no tolerance for
quantities, and one tick for prices. Nothing is repaired here: a difference is a break. What belongs
here: comparing one account's figures. What does not: fetching them, the breaks' lives (``breaks``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

from tradesync_dagster.domain.answers import BrokerHolding, BrokerPosition
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.facts import Facts
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.money import divide_rounded, format_price
from tradesync_dagster.domain.orders import Order

KINDS: Final = ("filled_without_trades", "trades_without_fill", "price_differs",
                "position_differs", "holding_differs")  # fmt: skip
"""The kinds of breaks that this check finds, and that are gone when it does not find them."""
TICK: Final = 50_000
"""The coarsest tick of shares and their contracts, 0.05: brokers round an order's average price to
two to four decimals. An average further from its trades than that is another price."""
Rows = Iterable[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Figures:
    """One account's books and its broker's figures, of one moment.

    Attributes:
        orders: Of today's book.
        trades: As the broker lists them today.
        positions: Rows of ours.
        holdings: Rows of ours.
    """

    account_id: int
    orders: Iterable[Order]
    trades: Iterable[Fill]
    positions: Rows
    holdings: Rows
    broker_positions: Iterable[BrokerPosition]
    broker_holdings: Iterable[BrokerHolding]


def compare(figures: Figures, facts: Facts, at: datetime) -> list[Break]:
    """Find what differs.

    Args:
        figures: The account's.
        facts: For the names of securities.
        at: UTC.

    Returns:
        Breaks, by kind and subject. A trade between two of the broker's answers makes one too,
        which is why a break is believed only when it stays.
    """
    return [
        Break(figures.account_id, kind, subject, at, {"ours": str(ours), "broker": str(theirs)})
        for kind, subject, ours, theirs in sorted(
            (*_orders(figures), *_positions(figures), *_holdings(figures, facts)),
            key=itemgetter(0, 1),
        )
    ]


def _orders(figures: Figures) -> Iterable[tuple[str, str, object, object]]:
    traded: dict[str, int] = {}
    value: dict[str, int] = {}
    for fill in figures.trades:
        name = fill.broker_order_id
        traded[name] = traded.get(name, 0) + fill.quantity
        value[name] = value.get(name, 0) + fill.quantity * fill.price
    for order in figures.orders:
        filled, average = order.broker.filled_quantity, order.broker.average_price
        found = traded.get(order.broker.broker_order_id, 0)
        # Trades are asked for after orders: an open order may have filled further meanwhile.
        if found < filled:
            yield "filled_without_trades", order.broker.broker_order_id, found, filled
        elif found > filled and order.status.is_terminal:
            yield "trades_without_fill", order.broker.broker_order_id, found, filled
        elif found == filled and average:  # some tell an average of nothing until the day's end
            worth = value.get(order.broker.broker_order_id, 0)
            if abs(worth - average * filled) > TICK * filled:
                ours = format_price(divide_rounded(worth, filled))
                yield "price_differs", order.broker.broker_order_id, ours, format_price(average)


def _positions(figures: Figures) -> Iterable[tuple[str, str, int, int]]:
    ours = {
        (row["exchange"], row["symbol"], row["product"]): row["quantity"]
        for row in figures.positions
    }
    theirs = {(p.exchange, p.symbol, p.product): p.quantity for p in figures.broker_positions}
    for key in {*ours, *theirs}:
        if ours.get(key, 0) != theirs.get(key, 0):
            subject = f"{key[0]}:{key[1]} {key[2]}"
            yield "position_differs", subject, ours.get(key, 0), theirs.get(key, 0)


def _holdings(figures: Figures, facts: Facts) -> Iterable[tuple[str, str, int, int]]:
    ours: dict[str, int] = {}
    for row in figures.holdings:
        name = facts.instrument(row["exchange"], row["symbol"], row["product"], row["isin"])
        ours[name] = ours.get(name, 0) + row["quantity"] + row["t1_quantity"]
    theirs: dict[str, int] = {}
    blocked: dict[str, int] = {}
    for held in figures.broker_holdings:
        name = facts.instrument(held.exchange, held.symbol, held.product, held.isin)
        theirs[name] = theirs.get(name, 0) + held.quantity + held.t1_quantity
        blocked[name] = blocked.get(name, 0) + held.blocked
    for name in {*ours, *theirs}:
        # What was sold of it today is a position too, and those are compared to the unit.
        if not 0 <= ours.get(name, 0) - theirs.get(name, 0) <= blocked.get(name, 0):
            yield "holding_differs", name, ours.get(name, 0), theirs.get(name, 0)
