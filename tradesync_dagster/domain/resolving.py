"""What a complete book says of our placements that nobody answered for.

An order of ours is found in a book by its broker's id, by its tag, or as the only one like the
only placement that is missing. One that is in no book, some time after nobody can be sending it
any more, never reached its broker. What belongs here: these conclusions. What does not: telling
external orders (``external``), which placement fits a row (``intents``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from tradesync_dagster.domain.answers import Fetch
from tradesync_dagster.domain.breaks import Break, order_subject
from tradesync_dagster.domain.external import (
    MAY_BE_OURS,
    Detection,
    DetectionRules,
    is_skewed,
)
from tradesync_dagster.domain.intents import OPEN_STATES, IntentMatcher
from tradesync_dagster.domain.order_progress import advance
from tradesync_dagster.domain.orders import (
    BrokerOrder,
    Intent,
    Order,
    OrderStatus,
    Origin,
    order_id_of,
)
from tradesync_dagster.domain.placements import Placement, acknowledge, fail, lose

NEVER_REACHED = "it never reached the broker: no order book has it"
AMBIGUOUS, UNRESOLVED = "placement_ambiguous", "placement_unresolved"
DOUBLED, NOT_IN_BOOK = "placement_doubled", "acknowledged_not_in_book"
KINDS = (AMBIGUOUS, UNRESOLVED, DOUBLED, NOT_IN_BOOK)
"""The kinds of breaks that are found here; their subject is the client_order_id."""
_VOID = frozenset({OrderStatus.CANCELLED, OrderStatus.REJECTED})


def resolve(
    found: Detection,
    fetch: Fetch[BrokerOrder],
    known: Mapping[UUID, Order],
    intents: Sequence[Intent],
    rules: DetectionRules,
) -> None:
    """Settle what a book settles of our placements.

    Args:
        found: What detection made of the book; not quarantined. The conclusions are added to it.
        fetch: The book, complete.
        known: The account's orders as they were before.
        intents: Our placements, newest and older.
        rules: The windows.
    """
    orders = {**known, **found.orders}
    _count_tags(found, fetch, orders)
    for intent in intents:
        order = None if intent.order_id is None else orders.get(intent.order_id)
        if order is None or order.client_order_id != intent.client_order_id:
            _settle(found, intent)
            continue
        placement = Placement(order, intent, [])
        if order.broker.broker_order_id:
            if intent.state != "acknowledged":
                acknowledge(placement, order.broker.broker_order_id, fetch.requested_at, "book")
            elif not order.in_book:
                found.breaks += _late(placement, fetch, rules)
        elif intent.state in OPEN_STATES and not is_skewed(fetch):
            _look_for(found, placement, fetch, orders, intents, rules)
        _keep(found, placement, intent, order)


def _keep(found: Detection, placement: Placement, intent: Intent, order: Order) -> None:
    found.events += placement.events
    if placement.order != order:
        found.orders[order.order_id] = placement.order
    if placement.intent != intent:
        found.intents.append(placement.intent)
    _settle(found, placement.intent)
    if placement.order.in_book:
        found.settled.add((NOT_IN_BOOK, intent.client_order_id))


def _settle(found: Detection, intent: Intent) -> None:
    """End the doubts about a placement that is answered by now, whoever answered."""
    if intent.state not in OPEN_STATES:
        found.settled |= {(kind, intent.client_order_id) for kind in (AMBIGUOUS, UNRESOLVED)}


def _look_for(
    found: Detection,
    placement: Placement,
    fetch: Fetch[BrokerOrder],
    orders: Mapping[UUID, Order],
    intents: Sequence[Intent],
    rules: DetectionRules,
) -> None:
    """Look for a placement without an answer, once nobody can be sending it any more."""
    at, intent = fetch.requested_at, placement.intent
    if at < intent.created_at + rules.lost_after:
        return
    alike = _alike(placement, fetch, orders, intents)
    if len(alike) == 1 and alike[0][1] == [intent]:
        _adopt(found, placement, alike[0][0], fetch)
    elif alike:
        ids = [row.broker_order_id for row, _ in alike]
        found.breaks.append(_break(placement, AMBIGUOUS, fetch, broker_order_ids=ids))
    elif fetch.trade_date != placement.order.broker.trade_date or fetch.rejects:
        # This book cannot tell: it is another day's, or the order may be a row that is unreadable.
        found.breaks.append(_break(placement, UNRESOLVED, fetch))
    elif intent.missed_at is None:
        if intent.state == "placing":
            lose(placement, "the process that placed it ended before its answer", at)
        placement.intent = replace(placement.intent, missed_at=at)
        placement.note("not_in_book", at, {"client_order_id": intent.client_order_id})
    elif at - intent.missed_at >= rules.confirm:
        fail(placement, NEVER_REACHED, at, first_missed_at=intent.missed_at.isoformat())


def _alike(
    placement: Placement,
    fetch: Fetch[BrokerOrder],
    orders: Mapping[UUID, Order],
    intents: Sequence[Intent],
) -> list[tuple[BrokerOrder, list[Intent]]]:
    """List the untagged candidates that this placement may have made, each with all that may."""
    matcher = IntentMatcher(intents, orders.values(), by_likeness=not fetch.keeps_tags)
    found = []
    for row in fetch.rows:
        order = orders.get(_natural_id(placement, row))
        if order is not None and order.origin is Origin.CANDIDATE:
            compatible = matcher.compatible(row)
            if placement.intent in compatible:
                found.append((row, compatible))
    return found


def _natural_id(placement: Placement, row: BrokerOrder) -> UUID:
    return order_id_of(placement.order.account_id, row.trade_date, row.broker_order_id)


def _adopt(
    found: Detection, placement: Placement, row: BrokerOrder, fetch: Fetch[BrokerOrder]
) -> None:
    """Take the only candidate like the only missing placement as that placement's order."""
    at, candidate = fetch.requested_at, _natural_id(placement, row)
    new, events = advance(placement.order, row, at)
    if not new.in_book:
        return
    placement.order = new
    placement.events += events
    placement.note("found_by_likeness", at, {"broker_order_id": row.broker_order_id})
    acknowledge(placement, row.broker_order_id, at, "book")
    subject = order_subject(new.broker)
    found.breaks = [b for b in found.breaks if (b.kind, b.subject) != (MAY_BE_OURS, subject)]
    found.settled.add((MAY_BE_OURS, subject))
    found.orders.pop(candidate, None)
    found.events = [event for event in found.events if event.order_id != candidate]
    found.absorbed[candidate] = new.order_id


def _count_tags(found: Detection, fetch: Fetch[BrokerOrder], orders: Mapping[UUID, Order]) -> None:
    """Tell of tags of ours on several orders of one book: we send each only once.

    Slices of an order bear its tag, too. An order that ended without a trade does no harm.
    """
    ours = {o.client_order_id: o.account_id for o in orders.values() if o.client_order_id}
    rows: dict[str, list[BrokerOrder]] = {}
    for row in fetch.rows:
        if row.tag in ours and not row.parent_order_id:
            rows.setdefault(row.tag, []).append(row)
    for tag, listed in sorted(rows.items()):
        counted = [r for r in listed if r.filled_quantity or r.status not in _VOID]
        if len(counted) > 1:
            evidence = {"broker_order_ids": [r.broker_order_id for r in counted]}
            at = fetch.requested_at
            found.breaks.append(Break(ours[tag], DOUBLED, tag, at, evidence))
        elif len(listed) > 1:
            found.settled.add((DOUBLED, tag))


def _late(placement: Placement, fetch: Fetch[BrokerOrder], rules: DetectionRules) -> list[Break]:
    """Tell of an order that its broker acknowledged and no book of its day has."""
    since = fetch.requested_at - placement.intent.created_at
    same_day = fetch.trade_date == placement.order.broker.trade_date
    if same_day and since >= rules.lost_after and not fetch.rejects:
        return [_break(placement, NOT_IN_BOOK, fetch)]
    return []


def _break(placement: Placement, kind: str, fetch: Fetch[BrokerOrder], **more: list[str]) -> Break:
    evidence = {
        "order_id": str(placement.order.order_id),
        "broker_order_id": placement.order.broker.broker_order_id,
        "placed_at": placement.intent.created_at.isoformat(),
        **more,
    }
    subject = placement.intent.client_order_id
    return Break(placement.order.account_id, kind, subject, fetch.requested_at, evidence)
