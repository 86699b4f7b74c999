"""Moving an order to what its broker says now; forward only.

What belongs here: which words of the broker are believed, and what they changed. What does not:
whose order it is (``external``).
"""

from dataclasses import replace
from datetime import datetime

from tradesync_dagster.domain.orders import BrokerOrder, Order, OrderEvent


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
        detail: dict[str, str | int | None] = {
            "ledger_filled": old.broker.filled_quantity,
            "broker_filled": row.filled_quantity,
        }
        return old, [OrderEvent(old.order_id, "fill_fell_ignored", at, detail)]
    status = row.status
    if status.is_terminal and not may_close:
        return old, []
    events = []
    if old.status.is_terminal and status is not old.status:
        detail = {"from": old.status.value, "word": row.status_word}
        events.append(OrderEvent(old.order_id, "reopen_ignored", at, detail))
        return old, events
    if status is not old.status or row.status_word != old.broker.status_word:
        detail = {"from": old.status.value, "to": status.value, "word": row.status_word}
        events.append(OrderEvent(old.order_id, "status_changed", at, detail))
    changes = _field_changes(old.broker, row)
    if changes:
        events.append(OrderEvent(old.order_id, "changed", at, changes))
    return replace(old, broker=row, status=status, last_seen_at=at), events


_WATCHED = (
    "quantity", "filled_quantity", "cancelled_quantity", "price", "trigger_price",
    "average_price", "order_type", "validity", "product", "tag", "message",
)  # fmt: skip


def _field_changes(old: BrokerOrder, new: BrokerOrder) -> dict[str, str | int | None]:
    changes: dict[str, str | int | None] = {}
    for name in _WATCHED:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            changes[name] = after
            changes[f"{name}_before"] = before
    return changes
