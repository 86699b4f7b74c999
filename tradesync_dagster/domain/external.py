"""Telling our orders from external ones, by comparing a broker's book with the ledger.

Pure: what is known, what a complete book says, and the rules go in; new states, events and breaks
come out. An order is external only when two complete books asked for some time apart both hold it,
the broker's own clock calls it old enough, and nothing of ours can explain it. What belongs here:
classification, confirmation, and moving an order forward. What does not: whose strategy it is
(``attribution``), or how books are fetched (``brokers``).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from tradesync_dagster.domain.answers import Fetch
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.intents import CLOCK_SLACK, IntentMatcher
from tradesync_dagster.domain.orders import (
    BrokerOrder,
    Intent,
    Order,
    OrderEvent,
    Origin,
    order_id_of,
)

MAX_SKEW = CLOCK_SLACK
"""Above this difference between the broker's clock and ours nothing is created or closed."""


@dataclass(frozen=True, slots=True)
class DetectionRules:
    """The windows of detection.

    Attributes:
        enabled: Whether unexplained orders are looked into at all.
        confirm: Least time between the two complete books that confirm an external order.
        minimum_age: Least age by the broker's clock.
        tag_prefix: How the tags of our own orders begin.
    """

    enabled: bool = True
    confirm: timedelta = timedelta(seconds=30)
    minimum_age: timedelta = timedelta(seconds=60)
    tag_prefix: str = "ts"


@dataclass(slots=True)
class Detection:
    """What one complete book changes.

    Attributes:
        orders: New and changed orders by id.
        events: What happened to them.
        intents: Placements that the book resolved.
        breaks: Differences to store.
        confirmed: How many orders became external.
        quarantined: Why the book as a whole was not applied; empty when it was.
        retry_after: The wait after which another look can confirm what is still a candidate;
            ``None`` when there is nothing to confirm.
    """

    orders: dict[UUID, Order] = field(default_factory=dict)
    events: list[OrderEvent] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    confirmed: int = 0
    quarantined: str = ""
    retry_after: timedelta | None = None

    def put(
        self, order: Order, kind: str, at: datetime, detail: dict[str, str | int | None]
    ) -> None:
        """Keep an order's newest state and what happened to it."""
        self.orders[order.order_id] = order
        self.events.append(OrderEvent(order.order_id, kind, at, detail))


def missing_ids(known: Iterable[Order], fetch: Fetch[BrokerOrder], trade_date: date) -> list[str]:
    """List orders that a complete book of their own day no longer holds.

    Args:
        known: The account's orders in the ledger.
        fetch: A complete book.
        trade_date: The day whose book it is.

    Returns:
        Broker ids, sorted. Any at all means that the book is not to be believed.
    """
    seen = {row.broker_order_id for row in fetch.rows} | {r.row_id for r in fetch.rejects}
    return sorted(
        order.broker.broker_order_id
        for order in known
        if order.broker.trade_date == trade_date and order.broker.broker_order_id not in seen
    )


def detect(
    account_id: int,
    fetch: Fetch[BrokerOrder],
    known: Mapping[UUID, Order],
    intents: Sequence[Intent],
    rules: DetectionRules,
) -> Detection:
    """Hold a complete book against the ledger.

    Args:
        account_id: Whose book it is.
        fetch: Complete.
        known: The account's orders in the ledger, by id.
        intents: Our placements that the book may show.
        rules: The windows.

    Returns:
        What changes; nothing when the book is quarantined.
    """
    found = Detection()
    missing = missing_ids(known.values(), fetch, fetch.trade_date)
    if missing:
        found.quarantined = (
            f"the book lost {len(missing)} order(s) that it held before, first {missing[0]}; "
            "it was not applied"
        )
        found.breaks.append(
            Break(
                account_id,
                "book_shrank",
                fetch.trade_date.isoformat(),
                fetch.requested_at,
                {"missing": missing[:50], "missing_count": len(missing)},
            )
        )
        return found
    skewed = is_skewed(fetch)
    matches = IntentMatcher(intents, known.values())
    for row in fetch.rows:
        order_id = order_id_of(account_id, row.trade_date, row.broker_order_id)
        old = known.get(order_id)
        if old is None and not skewed:
            old = _create(found, account_id, order_id, row, fetch, matches, rules)
        elif old is not None:
            old = _update(found, old, row, fetch, may_close=not skewed)
        if old is not None and old.origin is Origin.CANDIDATE and rules.enabled and not skewed:
            _look_into(found, old, fetch, matches.compatible(row), rules)
    return found


def is_skewed(fetch: Fetch[BrokerOrder]) -> bool:
    """Tell whether the broker's clock is too far from ours to create or close anything.

    Args:
        fetch: With the broker's time where the broker gives it.

    Returns:
        Whether the difference, beyond the time that the answer took, is above ``MAX_SKEW``.
    """
    if fetch.broker_time is None:
        return False
    latest = fetch.requested_at + timedelta(seconds=fetch.seconds)
    early = fetch.requested_at - fetch.broker_time
    late = fetch.broker_time - latest
    return max(early, late) > MAX_SKEW


def _create(
    found: Detection,
    account_id: int,
    order_id: UUID,
    row: BrokerOrder,
    fetch: Fetch[BrokerOrder],
    matches: IntentMatcher,
    rules: DetectionRules,
) -> Order:
    intent = matches.exact(row)
    ours = intent is not None or row.tag.startswith(rules.tag_prefix)
    order = Order(
        order_id=order_id,
        account_id=account_id,
        broker=row,
        origin=Origin.INTERNAL if ours else Origin.CANDIDATE,
        status=row.status,
        first_seen_at=fetch.requested_at,
        last_seen_at=fetch.requested_at,
        client_order_id=intent.client_order_id if intent else (row.tag if ours else ""),
        strategy_id=intent.strategy_id if intent else "",
    )
    found.put(order, "seen", fetch.requested_at, {"status": row.status.value, "tag": row.tag})
    if intent is not None and intent.state != "acknowledged":
        found.intents.append(
            replace(intent, state="acknowledged", broker_order_id=row.broker_order_id)
        )
    return order


def _update(
    found: Detection,
    old: Order,
    row: BrokerOrder,
    fetch: Fetch[BrokerOrder],
    *,
    may_close: bool,
) -> Order:
    new, events = advance(old, row, fetch.requested_at, may_close=may_close)
    for event in events:
        found.put(new, event.kind, event.at, event.detail)
    return new


def _look_into(
    found: Detection,
    order: Order,
    fetch: Fetch[BrokerOrder],
    compatible: Sequence[Intent],
    rules: DetectionRules,
) -> None:
    """Confirm a candidate, hold it for a placement that may be its own, or ask to look again."""
    at = fetch.requested_at
    if compatible:
        evidence = {"intents": [intent.client_order_id for intent in compatible]}
        subject = order.broker.broker_order_id
        found.breaks.append(Break(order.account_id, "order_may_be_ours", subject, at, evidence))
        return
    left = max(order.first_seen_at + rules.confirm - at, _age_left(order.broker, fetch, rules))
    if order.first_seen_at < at and left <= timedelta(0):
        seen = {"first_seen_at": order.first_seen_at.isoformat()}
        found.put(replace(order, origin=Origin.EXTERNAL), "confirmed_external", at, {**seen})
        found.confirmed += 1
    else:
        wait = max(left, timedelta(0))
        found.retry_after = wait if found.retry_after is None else max(found.retry_after, wait)


def _age_left(row: BrokerOrder, fetch: Fetch[BrokerOrder], rules: DetectionRules) -> timedelta:
    broker_now = fetch.broker_time or fetch.requested_at
    return rules.minimum_age - (broker_now - row.placed_at)


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
    if old.status.is_terminal and not status.is_terminal:
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


def count_origins(orders: Iterable[Order], trade_date: date) -> Counter[Origin]:
    """Count a day's orders by origin.

    Args:
        orders: The ledger's orders.
        trade_date: The day.

    Returns:
        Counts by origin.
    """
    return Counter(order.origin for order in orders if order.broker.trade_date == trade_date)
