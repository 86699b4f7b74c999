"""Our own orders within a look at the brokers' books.

What belongs here: reading the placements that a book may settle, writing what it settled, and when
orders were last seen. What does not: the conclusions (``domain.resolving``), placing (``placing``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from tradesync_dagster.domain.external import Detection, DetectionRules
from tradesync_dagster.domain.intents import OPEN_STATES
from tradesync_dagster.domain.manual_changes import (
    CANCELLED,
    IN_THE_APP,
    by_hand,
    may_be_by_hand,
)
from tradesync_dagster.domain.orders import Intent, Order, OrderEvent
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.fetching import Answers


def add_unsettled(
    work: UnitOfWork,
    known: dict[int, dict[UUID, Order]],
    intents: Mapping[int, Sequence[Intent]],
) -> None:
    """Add orders of earlier days to the known ones, as long as nobody knows what became of them.

    Args:
        work: A transaction with the accounts' lease.
        known: Orders by account and id; added to.
        intents: The accounts' placements.
    """
    for account_id, listed in intents.items():
        orders = known.setdefault(account_id, {})
        for intent in listed:
            order_id = intent.order_id
            if order_id is None or order_id in orders or intent.state not in OPEN_STATES:
                continue
            order = work.order(account_id, order_id)
            if order is not None:
                orders[order_id] = order


def note_checks(work: UnitOfWork, looks: Iterable[Answers]) -> None:
    """Note that open orders were seen, also where nothing about them changed.

    Args:
        work: A transaction with the accounts' lease.
        looks: Whose order books are complete and were applied.
    """
    books = ((look.account.account_id, look.orders) for look in looks)
    work.note_checks({whose: (book.trade_date, book.requested_at) for whose, book in books})


def note_by_hand(
    work: UnitOfWork,
    detections: Sequence[Detection],
    known: Mapping[int, Mapping[UUID, Order]],
    rules: DetectionRules,
) -> None:
    """Add to what books show what somebody else than we did to orders of ours.

    Args:
        work: A transaction with the accounts' lease.
        detections: What was concluded; its events are added to.
        known: The orders as they were before.
        rules: With the hours of trading.
    """
    suspects = [
        (found, known[after.account_id][after.order_id], after)
        for found in detections
        for after in found.orders.values()
        if after.order_id in known.get(after.account_id, {})
        and may_be_by_hand(known[after.account_id][after.order_id], after)
    ]
    told: dict[UUID, list[OrderEvent]] = {}
    ids = [after.order_id for _, _, after in suspects]
    for event in work.events_of(ids) if ids else ():
        told.setdefault(event.order_id, []).append(event)
    for found, before, after in suspects:
        happened = told.get(after.order_id, [])
        events = [*by_hand(before, after, happened, rules.hours, after.last_seen_at)]
        found.events += events
        if any(event.kind == CANCELLED for event in events):
            found.orders[after.order_id] = replace(after, cancel_asked=IN_THE_APP)


def absorb(work: UnitOfWork, detections: Sequence[Detection]) -> None:
    """Take candidates out that are orders of ours; their fills are those orders' owners'.

    Args:
        work: A transaction with the accounts' lease.
        detections: What was concluded.
    """
    for found in detections:
        work.absorb(found.absorbed)
        ours = [found.orders[order_id] for order_id in found.absorbed.values()]
        for order in ours:
            work.mark_stale({order.account_id: order.broker.trade_date})


def forget_absorbed(orders: dict[UUID, Order], found: Detection) -> None:
    """Leave out candidates that turned out to be orders of ours, which the book has only once."""
    for order_id in found.absorbed:
        orders.pop(order_id, None)
