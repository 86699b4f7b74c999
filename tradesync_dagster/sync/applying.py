"""Writing what the brokers said into the books: orders, events, fills, prices, evidence.

Works on many accounts within one transaction; an answer that is not complete, or older than the
last one applied, changes nothing. What belongs here: which answer may change what. What does not:
classification (``domain.external``), positions (``rebuilding``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Outcome
from tradesync_dagster.domain.breaks import fill_changed
from tradesync_dagster.domain.external import Detection, DetectionRules, detect
from tradesync_dagster.domain.looks import (
    Look,
    States,
    answer_records,
    is_complete,
    is_new,
    usable,
)
from tradesync_dagster.domain.order_books import count_origins
from tradesync_dagster.domain.order_states import AT_BROKER
from tradesync_dagster.domain.orders import Intent, Order, OrderEvent, Origin
from tradesync_dagster.domain.resolving import resolve
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.answering import hold_refused, keep_evidence, next_states
from tradesync_dagster.sync.deriving import derive_trades
from tradesync_dagster.sync.fetching import Answers
from tradesync_dagster.sync.known_orders import known_orders
from tradesync_dagster.sync.opening import open_books
from tradesync_dagster.sync.own_orders import (
    absorb,
    add_unsettled,
    forget_absorbed,
    note_by_hand,
    note_checks,
)
from tradesync_dagster.sync.pricing import put_prices
from tradesync_dagster.sync.settling import settle_detection, settle_fills


@dataclass(slots=True)
class Applied:
    """What one look changed for one account.

    Attributes:
        orders: The account's orders in today's and the fetched books, by id, after the look.
        changed: Assets whose content changed.
        failed: Assets that could not be brought up to date.
        errors: Sentences.
        confirmed_orders: Those that this look confirmed as external, with the time, UTC.
        priced: Whether prices came.
        retry_after: See ``Detection``.
        record: What was asked, what came, and what was decided.
        events: What happened to its orders.
    """

    account: Account
    trade_date: date
    orders: dict[UUID, Order] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    confirmed: int = 0
    confirmed_orders: dict[UUID, datetime] = field(default_factory=dict)
    fills: int = 0
    rejects: int = 0
    priced: bool = False
    retry_after: timedelta | None = None
    record: Look | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    events: list[OrderEvent] = field(default_factory=list)


_FED_BY = {
    "orders": ("order_book", "external_orders", "orders"),
    "trades": ("positions", "holdings"),
    "positions": ("positions",),
    "holdings": ("holdings",),
}
"""The assets that an answer of each kind feeds."""

BROKER = "broker"


def apply(
    work: UnitOfWork, looks: Sequence[Answers], rules: DetectionRules, now: datetime
) -> list[Applied]:
    """Write one look at many accounts.

    Args:
        work: A transaction with the accounts' lease.
        looks: One an account.
        rules: The windows of detection.
        now: UTC.

    Returns:
        What changed, in the same order.
    """
    account_ids = [look.account.account_id for look in looks]
    states = {(s.account_id, s.kind): s for s in work.states(account_ids)}
    keep_evidence(work, looks, states, now)
    known = known_orders(work, looks, account_ids)
    oldest = min((look.orders.requested_at for look in looks), default=now)
    intents = _by_account(work.intents(account_ids, oldest - timedelta(days=7)))
    add_unsettled(work, known, intents)
    applied = [_begin(look, known.get(look.account.account_id, {})) for look in looks]
    detections = _detect(work, applied, looks, known, states, intents, rules)
    believed = {
        entry.account.account_id
        for entry, look in zip(applied, looks, strict=True)
        if usable(look.orders, entry.account.account_id, states)
        and "order_book" not in entry.failed
    }
    seen = dict(zip(account_ids, detections, strict=True))
    hold_refused(work, looks, {a for a, found in seen.items() if found.quarantined}, now)
    note_checks(work, (look for look in looks if look.account.account_id in believed))
    asked = {look.account.account_id: look.orders.requested_at for look in looks}
    settle_detection(work, {a: (asked[a], seen[a]) for a in believed}, now)
    looks = derive_trades(work, looks, believed, now)
    _apply_fills(work, applied, looks, states)
    priced = put_prices(work, looks, states)
    open_books(work, looks)
    for entry, look in zip(applied, looks, strict=True):
        entry.priced = entry.account.account_id in priced
        entry.record = _record(entry, look, seen[entry.account.account_id], states, now)
    refused = {e.account.account_id for e in applied if "order_book" in e.failed}
    pairs = zip(applied, looks, strict=True)
    waiting = {e.account.account_id for e, look in pairs if _waits(e, look)}
    work.put_states(next_states(looks, states, refused, waiting))
    return applied


def _by_account(intents: Iterable[Intent]) -> dict[int, list[Intent]]:
    found: dict[int, list[Intent]] = {}
    for intent in intents:
        found.setdefault(intent.account_id, []).append(intent)
    return found


def _waits(entry: Applied, look: Answers) -> bool:
    """Tell whether the same order book again may change something: it alone is not all there is."""
    return look.trades.outcome is not Outcome.COMPLETE or is_open_ended(entry)


def is_open_ended(entry: Applied) -> bool:
    """Tell whether time alone may change one of an account's orders."""
    return any(
        order.origin is Origin.CANDIDATE or (not order.in_book and order.status in AT_BROKER)
        for order in entry.orders.values()
    )


def _begin(look: Answers, known: dict[UUID, Order]) -> Applied:
    entry = Applied(look.account, look.orders.trade_date, orders=dict(known))
    for fetch in look.all:
        entry.seconds[fetch.kind] = fetch.seconds
        entry.rejects += len(fetch.rejects)
        if fetch.outcome is Outcome.NOT_ASKED:
            continue
        if fetch.outcome is not Outcome.COMPLETE:
            entry.errors.append(fetch.error or f"{fetch.kind}: the answer was {fetch.outcome}")
            entry.failed.update(_fed_by(look, fetch.kind))
        elif fetch.rejects:
            first = fetch.rejects[0]
            entry.errors.append(
                f"{fetch.kind}: {len(fetch.rejects)} row(s) quarantined, first "
                f"{first.row_id or 'without an id'}: {first.reason}"
            )
    return entry


def _fed_by(look: Answers, kind: str) -> tuple[str, ...]:
    also = _FED_BY["trades"] if kind == "orders" and look.trades.derived else ()
    return _FED_BY[kind] + also


def _detect(
    work: UnitOfWork,
    applied: Sequence[Applied],
    looks: Sequence[Answers],
    known: Mapping[int, Mapping[UUID, Order]],
    states: States,
    intents: Mapping[int, list[Intent]],
    rules: DetectionRules,
) -> list[Detection]:
    """Find and write what each order book changes; one detection a look, in the same order."""
    detections = [
        _apply_orders(entry, look, states, intents, rules)
        for entry, look in zip(applied, looks, strict=True)
    ]
    note_by_hand(work, detections, known, rules)
    for entry, found in zip(applied, detections, strict=True):
        entry.events = found.events
        entry.orders.update(found.orders)
    _write_detections(work, detections, known)
    return detections


def _apply_orders(
    entry: Applied,
    look: Answers,
    states: States,
    intents: Mapping[int, list[Intent]],
    rules: DetectionRules,
) -> Detection:
    account_id = look.account.account_id
    if not usable(look.orders, account_id, states):
        return Detection()
    found = detect(account_id, look.orders, entry.orders, intents.get(account_id, []), rules)
    if found.quarantined:
        entry.errors.append(f"orders: {found.quarantined}")
        entry.failed.update(_fed_by(look, "orders"))
        return found
    resolve(found, look.orders, entry.orders, intents.get(account_id, []), rules)
    entry.orders.update(found.orders)
    forget_absorbed(entry.orders, found)
    entry.confirmed = found.confirmed
    confirmations = (event for event in found.events if event.kind == "confirmed_external")
    entry.confirmed_orders = {event.order_id: event.at for event in confirmations}
    entry.retry_after = found.retry_after
    if is_new(look.orders, account_id, states):
        entry.changed.add("order_book")
    if found.orders:
        entry.changed.add("orders")
    if found.confirmed:
        entry.changed.add("external_orders")
    return found


def _record(entry: Applied, look: Answers, found: Detection, states: States, now: datetime) -> Look:
    account_id = entry.account.account_id
    return Look(
        account_id,
        look.orders.requested_at,
        now.isoformat(),
        is_complete(look.all),
        count_origins(entry.orders.values(), entry.trade_date)[Origin.CANDIDATE],
        entry.confirmed,
        answer_records(account_id, look.all, states, found.quarantined),
    )


def _write_detections(
    work: UnitOfWork, detections: Sequence[Detection], known: Mapping[int, Mapping[UUID, Order]]
) -> None:
    absorb(work, detections)
    work.put_orders(
        [order for found in detections for order in found.orders.values()],
        [event for found in detections for event in found.events],
    )
    work.put_intents([intent for found in detections for intent in found.intents])
    work.put_breaks([entry for found in detections for entry in found.breaks])
    work.mark_stale(_owner_changed(detections, known))


def _owner_changed(
    detections: Sequence[Detection], known: Mapping[int, Mapping[UUID, Order]]
) -> dict[int, date]:
    """Return from which day on strategies' books change, where an order turned out to be one's."""
    since: dict[int, date] = {}
    for order in (order for found in detections for order in found.orders.values()):
        old = known.get(order.account_id, {}).get(order.order_id)
        if old is not None and (old.strategy_id, old.parts) != (order.strategy_id, order.parts):
            day = since.get(order.account_id, order.broker.trade_date)
            since[order.account_id] = min(day, order.broker.trade_date)
    return since


def _apply_fills(
    work: UnitOfWork, applied: Sequence[Applied], looks: Sequence[Answers], states: States
) -> None:
    sent = []
    for entry, look in zip(applied, looks, strict=True):
        account_id = look.account.account_id
        if is_new(look.trades, account_id, states):
            sent += [(account_id, fill) for fill in look.trades.rows]
        entry.fills = len(look.trades.rows)
    asked = {look.account.account_id: look.trades.requested_at for look in looks}
    differing = work.add_fills(sent, BROKER).differing
    work.put_breaks(fill_changed(*found, asked[found[0]], BROKER) for found in differing)
    settle_fills(work, sent, differing, max(asked.values()), BROKER)
