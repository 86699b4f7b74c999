"""Orders that are in the books of more than one day: after-market orders, sent the next morning.

An order is what its broker's id was on the day it was registered; ids come back on other days. So
an order that goes on is linked by an event, and one whose broker gives it a new day keeps its own.
What belongs here: telling such orders. What does not: orders of one day (``external``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.orders import AMO, BrokerOrder, Detail, Order, OrderEvent

LONGEST_WAIT = timedelta(days=10)
"""From an after-market order to the next trading day, over any run of holidays."""


def as_registered(rows: Sequence[BrokerOrder], known: Iterable[Order]) -> Sequence[BrokerOrder]:
    """Give orders that waited their own day back, where their broker dates them anew.

    Args:
        rows: Of a book.
        known: The account's orders, those of earlier days that may still wait among them.

    Returns:
        The rows. One is given an earlier day only if it waited then under the same id, for the same
        instrument, product, side and quantity, and if no other order has the id on the new day.
    """
    newest = {
        order.broker.broker_order_id: order
        for order in sorted(known, key=lambda order: order.broker.trade_date)
    }
    waited = {
        name: order.broker
        for name, order in newest.items()
        if order.broker.variety == AMO and not order.status.is_terminal
    }
    return [_on_its_day(row, waited.get(row.broker_order_id)) for row in rows] if waited else rows


def _on_its_day(row: BrokerOrder, waited: BrokerOrder | None) -> BrokerOrder:
    if waited is None or row.variety != AMO:
        return row
    later = row.trade_date - waited.trade_date
    if not timedelta(0) < later <= LONGEST_WAIT or _wanted(row) != _wanted(waited):
        return row
    return replace(row, trade_date=waited.trade_date, placed_at=waited.placed_at)


def _wanted(row: BrokerOrder) -> tuple[object, ...]:
    return (row.exchange, row.symbol, row.product, row.side, row.quantity)


def carried_over(old: Order, at: datetime) -> tuple[Order, list[OrderEvent]]:
    """Link an order to the day whose book it is in now, once a day.

    Args:
        old: The ledger's order, which the book holds.
        at: When the book was asked for, UTC.

    Returns:
        The order, seen now, and the link; the same order and nothing on its own day.
    """
    day, registered = trade_date_of(at), old.broker.trade_date
    if registered >= day or trade_date_of(old.last_seen_at) >= day:
        return old, []
    detail: Detail = {
        "registered_on": registered.isoformat(),
        "book_of": day.isoformat(),
    }
    return replace(old, last_seen_at=at), [OrderEvent(old.order_id, "carried_over", at, detail)]
