"""Telling of what happens to orders of ours: one message an event, in the event's transaction.

Each message is named by its event, so that the outbox takes it once. What belongs here: the
messages and their words, and leaving out what a recipient does not want. What does not: what is
told at all (``domain.notifications``), what was done by hand (``by_hand``), sending
(``publishing``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.money import format_price
from tradesync_dagster.domain.notifications import (
    HAPPENING_OF,
    PREFIX,
    RABBITMQ,
    Happening,
    happenings,
    type_of,
)
from tradesync_dagster.domain.orders import Order, OrderEvent
from tradesync_dagster.domain.publications import OutboxMessage
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.applying import Applied
from tradesync_dagster.sync.by_hand import by_hand_alerts
from tradesync_dagster.sync.documents import alert, for_people, own_order_document

VERSION = 1
"""Of the messages' layout; see docs/order-message.schema.json."""
_WORDS = {
    "acknowledged": "was placed",
    "failed": "failed",
    "retry_queued": "waits to be tried again",
    "retry": "is tried again",
    "retry_held": "could not be tried again yet",
    "retry_expired": "expired and is not tried again",
    "retry_dropped": "was dropped",
}


@dataclass(frozen=True, slots=True)
class TellingRules:
    """Who is told of orders of ours.

    Attributes:
        enabled: Whether anybody is.
        addresses: How many addresses of people there are.
    """

    enabled: bool = True
    addresses: int = 0


def tell_orders(
    work: UnitOfWork,
    account: Account,
    orders: Iterable[Order],
    events: Sequence[OrderEvent],
    rules: TellingRules,
) -> None:
    """Put what happened to orders of an account into the outbox.

    Args:
        work: The transaction that writes the events.
        account: Whose.
        orders: As they are now.
        events: What just happened to them.
        rules: Who is told.
    """
    if rules.enabled and events:
        tell(work, order_messages(account, orders, events), rules.addresses)


def look_messages(applied: Sequence[Applied], at: datetime) -> Iterator[OutboxMessage]:
    """Write what a look at brokers' books tells of orders of ours.

    Args:
        applied: What it changed.
        at: UTC.
    """
    for entry in applied:
        yield from order_messages(entry.account, entry.orders.values(), entry.events)
    yield from by_hand_alerts(applied, at)


def tell(work: UnitOfWork, messages: Iterable[OutboxMessage], addresses: int) -> None:
    """Put messages into the outbox for RabbitMQ and each address, where they are wanted."""
    listed = list(messages)
    told = {one.account_id for one in listed if type_of(one.routing_key) in HAPPENING_OF}
    refused = work.unwanted([one for one in told if one is not None]) if told else set()

    def is_wanted(message: OutboxMessage, recipient: str) -> bool:
        happening = HAPPENING_OF.get(type_of(message.routing_key))
        return happening is None or (message.account_id, recipient, happening) not in refused

    copies = for_people(listed, addresses)
    work.add_messages(
        [
            *(one for one in listed if is_wanted(one, RABBITMQ)),
            *(one for one in copies if is_wanted(one, one.exchange)),
        ]
    )


def order_messages(
    account: Account, orders: Iterable[Order], events: Sequence[OrderEvent]
) -> Iterator[OutboxMessage]:
    """Write a message for each event that is told."""
    by_id: dict[UUID, Order] = {order.order_id: order for order in orders}
    mine: dict[UUID, list[OrderEvent]] = {}
    for event in events:
        mine.setdefault(event.order_id, []).append(event)
    for order_id, listed in mine.items():
        order = by_id.get(order_id)
        if order is not None:
            for happening, event in happenings(order, listed):
                yield _message(account, order, happening, event)


def _message(
    account: Account, order: Order, happening: Happening, event: OrderEvent
) -> OutboxMessage:
    reason = _reason(order, event, happening)
    name = f"order|{order.order_id}|{event.kind}|{event.at.isoformat()}"
    details: dict[str, Any] = {
        "version": VERSION,
        "message": _sentence(account, order, happening, event, reason),
        "event": {"kind": event.kind, "at": event.at.isoformat(), **event.detail},
        "reason": reason,
        "order": own_order_document(order),
    }
    return alert(f"{PREFIX}{happening.value}", account, name, event.at, details)


def _reason(order: Order, event: OrderEvent, happening: Happening) -> str:
    """Give the broker's reason, or ours, for what happened."""
    detail: Mapping[str, object] = event.detail
    told = detail.get("reason") or detail.get("why") or ""
    if not told and happening is Happening.REJECTED:
        told = order.failure_reason or order.broker.message
    if not told and happening is Happening.CANCELLED:
        told = order.cancel_asked or order.broker.message
    return str(told)


def _sentence(
    account: Account, order: Order, happening: Happening, event: OrderEvent, reason: str
) -> str:
    row = order.broker
    what = _WORDS.get(event.kind, f"was {happening.value}")
    filled = f", {row.filled_quantity} filled" if row.filled_quantity else ""
    price = row.average_price or row.price
    at = f" at {format_price(price)}" if price else f" {row.order_type}"
    name = row.broker_order_id or str(order.order_id)
    by = f" by {event.detail['who']}" if event.detail.get("who") else ""
    sentence = (
        f"{account.key}: order {name} ({row.side} {row.quantity} {row.exchange}:{row.symbol} "
        f"{row.product}{at}{filled}) {what}{by}"
    )
    missing = "" if order.shortfall is None else f" ({format_price(order.shortfall)} missing)"
    lacking = missing if happening is Happening.REJECTED else ""
    return f"{sentence}: {reason}{lacking}" if reason else sentence
