"""Telling our orders from external ones, by comparing a broker's book with the ledger.

Pure: what is known, what a complete book says, and the rules go in; new states, events and breaks
come out. An order is external only when two complete books asked for some time apart both hold it,
the broker's own clock calls it old enough, and nothing of ours can explain it. What belongs here:
classification, confirmation, and moving an order forward. What does not: whose strategy it is
(``attribution``), or how books are fetched (``brokers``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from tradesync_dagster.domain.answers import Fetch
from tradesync_dagster.domain.breaks import Break, order_subject
from tradesync_dagster.domain.carried_orders import as_registered, carried_over
from tradesync_dagster.domain.expiry import EXPIRED_WITHOUT_WORD
from tradesync_dagster.domain.intents import CLOCK_SLACK, IntentMatcher
from tradesync_dagster.domain.order_books import missing_ids
from tradesync_dagster.domain.order_progress import advance
from tradesync_dagster.domain.orders import (
    BrokerOrder,
    Detail,
    Intent,
    Order,
    OrderEvent,
    OrderStatus,
    Origin,
)
from tradesync_dagster.domain.trading_hours import TradingHours

SHRANK = "book_shrank"
MAY_BE_OURS = "order_may_be_ours"
"""The kinds of breaks that detection finds."""
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
        lost_after: From how long after its intent on no process can still be sending a placement.
        hours: When the exchanges are open.
    """

    enabled: bool = True
    confirm: timedelta = timedelta(seconds=30)
    minimum_age: timedelta = timedelta(seconds=60)
    tag_prefix: str = "ts"
    lost_after: timedelta = timedelta(minutes=5)
    hours: TradingHours = TradingHours()  # noqa: RUF009 - frozen


@dataclass(slots=True)
class Detection:
    """What one complete book changes.

    Attributes:
        orders: New and changed orders by id.
        events: What happened to them.
        intents: Placements that the book resolved.
        breaks: Differences to store.
        settled: Kinds and subjects of breaks that the book ends: its day's loss, for it holds all
            orders of it, doubts about orders that no open placement of ours may explain, expiries
            that the broker has a word on after all, and placements that are settled.
        confirmed: How many orders became external.
        quarantined: Why the book as a whole was not applied; empty when it was.
        retry_after: The wait after which another look can confirm what is still a candidate;
            ``None`` when there is nothing to confirm.
        absorbed: Candidates that turned out to be the book's row of an order of ours, and which.
    """

    orders: dict[UUID, Order] = field(default_factory=dict)
    events: list[OrderEvent] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    settled: set[tuple[str, str]] = field(default_factory=set)
    confirmed: int = 0
    quarantined: str = ""
    retry_after: timedelta | None = None
    absorbed: dict[UUID, UUID] = field(default_factory=dict)

    def put(self, order: Order, kind: str, at: datetime, detail: Detail) -> None:
        """Keep an order's newest state and what happened to it."""
        self.orders[order.order_id] = order
        self.events.append(OrderEvent(order.order_id, kind, at, detail))


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
    missing = missing_ids(known.values(), fetch, fetch.trade_date)
    if missing:
        return _disbelieve(account_id, fetch, missing)
    found = Detection(settled={(SHRANK, fetch.trade_date.isoformat())})
    skewed = is_skewed(fetch)
    matches = IntentMatcher(intents, known.values(), by_likeness=not fetch.keeps_tags)
    listed = _by_broker_id(known) if any(row.parent_order_id for row in fetch.rows) else {}
    for row in as_registered(fetch.rows, known.values()):
        order_id = matches.order_id(account_id, row)
        old = found.orders.get(order_id) or known.get(order_id)
        if old is not None:
            order = _update(found, old, row, fetch, may_close=not skewed)
        elif not skewed:
            order = _create(found, account_id, order_id, row, fetch, matches, rules)
        else:
            continue
        if order.origin is Origin.CANDIDATE:
            parent = listed.get((row.trade_date, row.parent_order_id))
            order = _claim(found, order, fetch, matches, parent)
        listed[row.trade_date, row.broker_order_id] = order
        if order.origin is not Origin.CANDIDATE:
            found.settled.add((MAY_BE_OURS, order_subject(order.broker)))
        elif rules.enabled and not skewed:
            _look_into(found, order, fetch, matches.compatible(row), rules)
    return found


def _by_broker_id(known: Mapping[UUID, Order]) -> dict[tuple[date, str], Order]:
    placed = (order for order in known.values() if order.broker.broker_order_id)
    return {(one.broker.trade_date, one.broker.broker_order_id): one for one in placed}


def _disbelieve(account_id: int, fetch: Fetch[BrokerOrder], missing: Sequence[str]) -> Detection:
    """Take nothing from a book that lost orders of its own day."""
    evidence = {"missing": list(missing[:50]), "missing_count": len(missing)}
    day, at = fetch.trade_date.isoformat(), fetch.requested_at
    return Detection(
        breaks=[Break(account_id, SHRANK, day, at, evidence)],
        quarantined=f"the book lost {len(missing)} order(s) that it held before, first "
        f"{missing[0]}; it was not applied",
    )


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
        execution_time=row.updated_at if row.filled_quantity else None,
    )
    detail: Detail = {"status": row.status.value, "tag": row.tag}
    found.put(order, "seen", fetch.requested_at, detail | {"source": row.source.value})
    if intent is not None and intent.state != "acknowledged":
        found.intents.append(
            replace(intent, state="acknowledged", broker_order_id=row.broker_order_id)
        )
    return order


def _claim(
    found: Detection,
    order: Order,
    fetch: Fetch[BrokerOrder],
    matches: IntentMatcher,
    parent: Order | None,
) -> Order:
    """Take a candidate back as ours: a placement of ours made it, or it is a part of ours."""
    intent = matches.exact(order.broker)
    if intent is not None and order.first_seen_at < fetch.requested_at:
        client_order_id, strategy_id = intent.client_order_id, intent.strategy_id
    elif parent is not None and parent.origin is Origin.INTERNAL:
        client_order_id, strategy_id = "", parent.strategy_id
    else:
        return order
    ours = replace(
        order,
        origin=Origin.INTERNAL,
        client_order_id=client_order_id,
        strategy_id=strategy_id,
        parts=(),
    )
    detail: Detail = {"client_order_id": client_order_id}
    if parent is not None:
        detail["part_of"] = parent.broker.broker_order_id
    found.put(ours, "found_ours", fetch.requested_at, detail)
    return ours


def _update(
    found: Detection,
    old: Order,
    row: BrokerOrder,
    fetch: Fetch[BrokerOrder],
    *,
    may_close: bool,
) -> Order:
    linked, links = carried_over(old, fetch.requested_at)
    new, events = advance(linked, row, fetch.requested_at, may_close=may_close)
    for event in (*links, *events):
        found.put(new, event.kind, event.at, event.detail)
    if old.status is OrderStatus.EXPIRED and new.status is not old.status:
        found.settled.add((EXPIRED_WITHOUT_WORD, str(new.order_id)))
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
    subject = order_subject(order.broker)
    if compatible:
        evidence = {"intents": [intent.client_order_id for intent in compatible]}
        found.breaks.append(Break(order.account_id, MAY_BE_OURS, subject, at, evidence))
        return
    found.settled.add((MAY_BE_OURS, subject))
    left = max(order.first_seen_at + rules.confirm - at, _age_left(order.broker, fetch, rules))
    if order.first_seen_at < at and left <= timedelta(0):
        seen = {"first_seen_at": order.first_seen_at.isoformat(), "source": order.source}
        found.put(replace(order, origin=Origin.EXTERNAL), "confirmed_external", at, {**seen})
        found.confirmed += 1
    else:
        wait = max(left, timedelta(0))
        found.retry_after = wait if found.retry_after is None else max(found.retry_after, wait)


def _age_left(row: BrokerOrder, fetch: Fetch[BrokerOrder], rules: DetectionRules) -> timedelta:
    broker_now = fetch.broker_time or fetch.requested_at
    return rules.minimum_age - (broker_now - row.placed_at)
