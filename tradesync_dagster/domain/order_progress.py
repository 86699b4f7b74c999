"""Moving an order to what its broker says now; forward only.

What belongs here: which words of the broker are believed, and what they changed. What does not:
whose order it is (``external``), which status may follow which (``order_states``), what comes of
our own calls (``placements``).
"""

from dataclasses import replace
from datetime import datetime

from tradesync_dagster.domain.margin_texts import read_margin
from tradesync_dagster.domain.order_states import Cause, permits
from tradesync_dagster.domain.orders import BrokerOrder, Detail, Order, OrderEvent, OrderStatus


def advance(
    old: Order, row: BrokerOrder, at: datetime, *, may_close: bool = True
) -> tuple[Order, list[OrderEvent]]:
    """Move an order to what the broker says now; forward only.

    Args:
        old: The ledger's order.
        row: The broker's row.
        at: When the book was asked for, UTC.
        may_close: Whether the broker's clock is trusted enough to end an order.

    Returns:
        The order and what happened to it; no events mean no change.
    """
    if row == old.broker:
        return old, []
    if row.filled_quantity < old.broker.filled_quantity:
        detail: Detail = {
            "ledger_filled": old.broker.filled_quantity,
            "broker_filled": row.filled_quantity,
        }
        return old, [OrderEvent(old.order_id, "fill_fell_ignored", at, detail)]
    status = row.status
    if status.is_terminal and not may_close:
        return old, []
    # The broker's word on an order is the truth, whatever we had made of its silence.
    concluded = not old.in_book or old.status is OrderStatus.EXPIRED
    corrects = old.status.is_terminal and concluded
    cause = Cause.CORRECTION if corrects else Cause.BROKER
    if not permits(old.status, status, cause):
        detail = {"from": old.status.value, "word": row.status_word}
        if old.status.is_terminal:
            return old, [OrderEvent(old.order_id, "reopen_ignored", at, detail)]
        refused = detail | {"to": status.value}
        return old, [OrderEvent(old.order_id, "status_refused", at, refused)]
    events = []
    detail = {"from": old.status.value, "to": status.value, "word": row.status_word}
    if status is not old.status or row.status_word != old.broker.status_word:
        kind = "corrected" if corrects else "status_changed"
        events.append(OrderEvent(old.order_id, kind, at, detail))
    changes = _field_changes(old.broker, row)
    if changes:
        events.append(OrderEvent(old.order_id, "changed", at, changes))
    new = replace(old, broker=row, status=status, last_seen_at=at)
    return _with_execution(_with_rejection(new, at), old), events


def _with_execution(new: Order, old: Order) -> Order:
    if new.broker.filled_quantity == old.broker.filled_quantity:
        return new
    return replace(new, execution_time=new.broker.updated_at)


def _with_rejection(order: Order, at: datetime) -> Order:
    if order.status is not OrderStatus.REJECTED or order.first_failed_at is not None:
        return order
    words = order.broker.message
    shortfall = read_margin(words).shortfall
    return replace(order, failure_reason=words, first_failed_at=at, shortfall=shortfall)


_WATCHED = (
    "quantity", "filled_quantity", "cancelled_quantity", "price", "trigger_price",
    "average_price", "order_type", "validity", "product", "tag", "message", "source",
)  # fmt: skip


def _field_changes(old: BrokerOrder, new: BrokerOrder) -> Detail:
    changes: Detail = {}
    for name in _WATCHED:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            changes[name] = after
            changes[f"{name}_before"] = before
    return changes
