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
from tradesync_dagster.domain.order_progress import advance
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
    seen = {row.broker_order_id for row in fetch.rows if row.trade_date == trade_date}
    seen |= {reject.row_id for reject in fetch.rejects}
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
        old = found.orders.get(order_id) or known.get(order_id)
        if old is None and not skewed:
            old = _create(found, account_id, order_id, row, fetch, matches, rules)
        elif old is not None:
            old = _update(found, old, row, fetch, may_close=not skewed)
        if old is not None and old.origin is Origin.CANDIDATE:
            old = _claim(found, old, row, fetch, matches)
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


def _claim(
    found: Detection,
    order: Order,
    row: BrokerOrder,
    fetch: Fetch[BrokerOrder],
    matches: IntentMatcher,
) -> Order:
    """Take a candidate back as ours, once a placement of ours turns out to have made it."""
    intent = matches.exact(row)
    if intent is None or order.first_seen_at == fetch.requested_at:
        return order
    ours = replace(
        order,
        origin=Origin.INTERNAL,
        client_order_id=intent.client_order_id,
        strategy_id=intent.strategy_id,
    )
    found.put(ours, "found_ours", fetch.requested_at, {"client_order_id": intent.client_order_id})
    return ours


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


def count_origins(orders: Iterable[Order], trade_date: date) -> Counter[Origin]:
    """Count a day's orders by origin.

    Args:
        orders: The ledger's orders.
        trade_date: The day.

    Returns:
        Counts by origin.
    """
    return Counter(order.origin for order in orders if order.broker.trade_date == trade_date)
