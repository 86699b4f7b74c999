"""What people did in the broker's app to orders of ours.

Whatever a book shows otherwise than before, and we have not asked for, somebody else did. What
belongs here: telling the two apart. What does not: moving the order (``order_progress``), the
messages (``sync.by_hand``).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from tradesync_dagster.domain.expiry import closes_at
from tradesync_dagster.domain.money import parse_price, parse_quantity
from tradesync_dagster.domain.orders import (
    BrokerOrder,
    Detail,
    Order,
    OrderEvent,
    OrderStatus,
    Origin,
)
from tradesync_dagster.domain.trading_hours import TradingHours

MODIFIED: Final = "modified_by_hand"
CANCELLED: Final = "cancelled_by_hand"
BY_HAND: Final = frozenset({MODIFIED, CANCELLED})
"""Kinds of events."""
IN_THE_APP: Final = "by hand, in the broker's app"
"""Who asked to cancel an order, where it was neither we nor broker or exchange."""
TERMS: Final = ("quantity", "price", "trigger_price")
"""What people change of an order."""
_MARKET = frozenset({"MARKET", "SL-M"})
_ENDS_BY_ITSELF = frozenset({"IOC", "TTL"})


def may_be_by_hand(before: Order, after: Order) -> bool:
    """Tell whether a book shows an order of ours otherwise than we had it."""
    if after.origin is not Origin.INTERNAL or not after.client_order_id:
        return False
    cancelled = after.status is OrderStatus.CANCELLED and before.status is not after.status
    return cancelled or bool(_changed(before.broker, after.broker))


def by_hand(
    before: Order,
    after: Order,
    events: Sequence[OrderEvent],
    hours: TradingHours,
    at: datetime,
) -> Iterator[OrderEvent]:
    """Tell what somebody else did to an order of ours.

    Args:
        before: As the ledger had it.
        after: As a book shows it.
        events: What had happened to it, oldest first.
        hours: When the exchanges are open: after its day, an order is not cancelled by hand.
        at: When the book was asked for, UTC.

    Yields:
        At most one event for its terms and one for its cancellation, with before and after.
    """
    changed = _changed(before.broker, after.broker)
    asked = _asked(events)
    mine = {name for name, value in changed.items() if asked.get(name) == value}
    if "order_type" in asked:  # its change sets prices to none
        mine |= {name for name, value in changed.items() if name != "quantity" and not value}
    theirs = {name: value for name, value in changed.items() if name not in mine}
    if theirs:
        detail: Detail = {}
        for name, value in theirs.items():
            detail |= {f"{name}_before": getattr(before.broker, name), name: value}
        yield OrderEvent(after.order_id, MODIFIED, at, detail)
    if _withdrawn(before, after, hours) and not _may_be_cancelled_by_us(events):
        row = after.broker
        told: Detail = {
            "from": before.status.value,
            "to": after.status.value,
            "quantity": row.quantity,
            "filled_quantity": row.filled_quantity,
        }
        yield OrderEvent(after.order_id, CANCELLED, at, told)


def _changed(before: BrokerOrder, after: BrokerOrder) -> Mapping[str, int]:
    found = {
        name: getattr(after, name)
        for name in TERMS
        if getattr(before, name) != getattr(after, name)
    }
    if before.order_type == after.order_type and after.order_type in _MARKET:
        found.pop("price", None)  # what brokers put there is no limit
    if after.order_type == "MARKET" or after.status is not OrderStatus.TRIGGER_PENDING:
        triggered = before.order_type == after.order_type and not after.trigger_price
        if triggered:
            found.pop("trigger_price", None)  # some brokers forget the trigger once it was hit
    return found


def _withdrawn(before: Order, after: Order, hours: TradingHours) -> bool:
    """Tell whether an order was cancelled, and neither by us nor by broker or exchange."""
    row = after.broker
    return (
        after.status is OrderStatus.CANCELLED
        and before.status is not OrderStatus.CANCELLED
        and not after.cancel_asked
        and row.validity not in _ENDS_BY_ITSELF
        and not row.message
        and row.updated_at < closes_at(row, hours)
    )


def _may_be_cancelled_by_us(events: Sequence[OrderEvent]) -> bool:
    """Tell whether any request of ours to cancel it was not refused.

    One whose answer never came may have been carried out, and then the next one is refused.
    """
    kinds = Counter(event.kind for event in events)
    return kinds["cancel_requested"] > kinds["cancel_refused"]


def _asked(events: Sequence[OrderEvent]) -> dict[str, int | str]:
    """Return the terms that we last asked for, unless that was refused or is done already."""
    wanted: dict[str, int | str] = {}
    for event in events:
        if event.kind == "modify_requested":
            wanted = _terms(event)
        elif event.kind in {"modify_refused", "modify_confirmed"}:
            wanted = {}
        elif event.kind == "changed":
            done = {name for name, value in wanted.items() if event.detail.get(name) == value}
            wanted = {name: value for name, value in wanted.items() if name not in done}
    return wanted


def _terms(event: OrderEvent) -> dict[str, int | str]:
    found: dict[str, int | str] = {}
    for name, value in event.detail.items():
        if name == "quantity":
            found[name] = parse_quantity(str(value))
        elif name in TERMS:
            found[name] = parse_price(str(value), name)
        elif name == "order_type":
            found[name] = str(value)
    return found
