"""Telling people of what somebody did by hand to orders of ours.

What belongs here: the alerts and their words. What does not: noticing it
(``domain.manual_changes``), sending (``publishing``).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.manual_changes import BY_HAND, CANCELLED, TERMS
from tradesync_dagster.domain.money import format_price
from tradesync_dagster.domain.notifications import PREFIX
from tradesync_dagster.domain.orders import Order, OrderEvent
from tradesync_dagster.domain.publications import OutboxMessage
from tradesync_dagster.sync.applying import Applied
from tradesync_dagster.sync.documents import alert, order_document


def by_hand_alerts(applied: Sequence[Applied], at: datetime) -> Iterator[OutboxMessage]:
    """Write an alert for each thing that a look found to be done by hand.

    Args:
        applied: What it changed.
        at: UTC.
    """
    for entry in applied:
        for event in entry.events:
            if event.kind in BY_HAND:
                yield by_hand_alert(entry.account, entry.orders[event.order_id], event, at)


def by_hand_alert(account: Account, order: Order, event: OrderEvent, at: datetime) -> OutboxMessage:
    """Write that an order was changed or cancelled in the broker's app; once for each time."""
    row = order.broker
    what = "cancelled" if event.kind == CANCELLED else f"changed: {', '.join(_changes(event))}"
    details = {
        "version": 1,
        "message": f"{account.key}: our order {row.broker_order_id} ({row.side} {row.quantity} "
        f"{row.exchange}:{row.symbol} {row.product}) was {what}; it was not us",
        "event": {"kind": event.kind, "at": event.at.isoformat(), **_words(event)},
        "reason": "",
        "order": order_document(order),
    }
    name = f"by_hand|{order.order_id}|{event.kind}|{event.at.isoformat()}"
    return alert(f"{PREFIX}{event.kind}", account, name, at, details)


def _changes(event: OrderEvent) -> Iterable[str]:
    told = _words(event)
    for name in TERMS:
        if name in told:
            yield f"{name.replace('_', ' ')} {told[f'{name}_before']} to {told[name]}"


def _words(event: OrderEvent) -> dict[str, str | int | None]:
    return {
        name: format_price(value) if "price" in name and isinstance(value, int) else value
        for name, value in event.detail.items()
    }
