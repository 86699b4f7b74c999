"""Writing what the brokers said into the books: orders, events, fills, prices, evidence.

Works on many accounts within one transaction; an answer that is not complete, or older than the
last one applied, changes nothing. What belongs here: which answer may change what. What does not:
classification (``domain.external``), positions (``rebuilding``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Fetch, Outcome
from tradesync_dagster.domain.book_states import BookState
from tradesync_dagster.domain.breaks import fill_changed
from tradesync_dagster.domain.external import Detection, DetectionRules, detect
from tradesync_dagster.domain.orders import Intent, Order
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.deriving import derive_trades
from tradesync_dagster.sync.fetching import Answers
from tradesync_dagster.sync.opening import open_books


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
    seconds: dict[str, float] = field(default_factory=dict)


_FED_BY = {
    "orders": ("order_book", "external_orders", "orders"),
    "trades": ("positions", "holdings"),
    "positions": ("positions",),
    "holdings": ("holdings",),
}
"""The assets that an answer of each kind feeds."""

_UNKNOWN: Mapping[str, Any] = {"multiplier": 1, "isin": "", "last_price": None}
Known = Mapping[tuple[int, str], BookState]


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
    _keep_evidence(work, looks, states, now)
    known = _known_orders(work, looks, account_ids)
    oldest = min((look.orders.requested_at for look in looks), default=now)
    intents = _by_account(work.intents(account_ids, oldest - timedelta(days=7)))
    applied = [_begin(look, known.get(look.account.account_id, {})) for look in looks]
    detections = [
        _apply_orders(entry, look, states, intents, rules)
        for entry, look in zip(applied, looks, strict=True)
    ]
    _write_detections(work, detections, known)
    believed = {
        entry.account.account_id
        for entry, look in zip(applied, looks, strict=True)
        if _usable(look.orders, entry.account.account_id, states)
        and "order_book" not in entry.failed
    }
    looks = derive_trades(work, looks, believed)
    _apply_fills(work, applied, looks, states)
    _apply_prices(work, applied, looks, states)
    open_books(work, looks)
    work.put_states(_next_states(applied, looks, states))
    return applied


def _keep_evidence(
    work: UnitOfWork, looks: Sequence[Answers], states: Known, now: datetime
) -> None:
    payloads, rejects = {}, []
    for look in looks:
        for fetch in look.all:
            rejects += [(look.account.account_id, fetch.kind, r) for r in fetch.rejects]
            state = states.get((look.account.account_id, fetch.kind))
            if fetch.payload_hash and (state is None or state.payload_hash != fetch.payload_hash):
                payloads[fetch.payload_hash] = fetch.payload
    work.add_payloads(payloads, now)
    work.add_rejects(rejects, now)


def _known_orders(
    work: UnitOfWork, looks: Sequence[Answers], account_ids: Sequence[int]
) -> dict[int, dict[UUID, Order]]:
    dates = [row.trade_date for look in looks for row in look.orders.rows]
    since = min([*dates, *(look.orders.trade_date for look in looks)])
    known: dict[int, dict[UUID, Order]] = {}
    for order in work.orders(account_ids, since):
        known.setdefault(order.account_id, {})[order.order_id] = order
    return known


def _by_account(intents: Iterable[Intent]) -> dict[int, list[Intent]]:
    found: dict[int, list[Intent]] = {}
    for intent in intents:
        found.setdefault(intent.account_id, []).append(intent)
    return found


def _begin(look: Answers, known: dict[UUID, Order]) -> Applied:
    entry = Applied(look.account, look.orders.trade_date, orders=dict(known))
    for fetch in look.all:
        entry.seconds[fetch.kind] = fetch.seconds
        entry.rejects += len(fetch.rejects)
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


def _usable(fetch: Fetch[Any], account_id: int, states: Known) -> bool:
    state = states.get((account_id, fetch.kind))
    newer = state is None or fetch.requested_at > state.requested_at
    return fetch.outcome is Outcome.COMPLETE and newer


def _is_new(fetch: Fetch[Any], account_id: int, states: Known) -> bool:
    state = states.get((account_id, fetch.kind))
    same = (
        state is not None
        and state.payload_hash == fetch.payload_hash
        and state.trade_date == fetch.trade_date
    )
    return _usable(fetch, account_id, states) and not same


def _apply_orders(
    entry: Applied,
    look: Answers,
    states: Known,
    intents: Mapping[int, list[Intent]],
    rules: DetectionRules,
) -> Detection:
    account_id = look.account.account_id
    if not _usable(look.orders, account_id, states):
        return Detection()
    found = detect(account_id, look.orders, entry.orders, intents.get(account_id, []), rules)
    if found.quarantined:
        entry.errors.append(f"orders: {found.quarantined}")
        entry.failed.update(_fed_by(look, "orders"))
        return found
    entry.orders.update(found.orders)
    entry.confirmed = found.confirmed
    confirmations = (event for event in found.events if event.kind == "confirmed_external")
    entry.confirmed_orders = {event.order_id: event.at for event in confirmations}
    entry.retry_after = found.retry_after
    if _is_new(look.orders, account_id, states):
        entry.changed.add("order_book")
    if found.orders:
        entry.changed.add("orders")
    if found.confirmed:
        entry.changed.add("external_orders")
    return found


def _write_detections(
    work: UnitOfWork, detections: Sequence[Detection], known: Mapping[int, Mapping[UUID, Order]]
) -> None:
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
        if old is not None and old.strategy_id != order.strategy_id:
            day = since.get(order.account_id, order.broker.trade_date)
            since[order.account_id] = min(day, order.broker.trade_date)
    return since


def _apply_fills(
    work: UnitOfWork, applied: Sequence[Applied], looks: Sequence[Answers], states: Known
) -> None:
    sent = []
    for entry, look in zip(applied, looks, strict=True):
        account_id = look.account.account_id
        if _is_new(look.trades, account_id, states):
            sent += [(account_id, fill) for fill in look.trades.rows]
        entry.fills = len(look.trades.rows)
    asked = {look.account.account_id: look.trades.requested_at for look in looks}
    differing = work.add_fills(sent, "broker").differing
    work.put_breaks(fill_changed(*found, asked[found[0]], "broker") for found in differing)


def _apply_prices(
    work: UnitOfWork, applied: Sequence[Applied], looks: Sequence[Answers], states: Known
) -> None:
    by_day: dict[date, dict[tuple[str, str], dict[str, Any]]] = {}
    for entry, look in zip(applied, looks, strict=True):
        account_id = look.account.account_id
        for fetch in (look.holdings, look.positions):
            if not _is_new(fetch, account_id, states):
                continue
            entry.priced = True
            rows = by_day.setdefault(fetch.trade_date, {})
            for row in fetch.rows:
                known = rows.get((row.exchange, row.symbol), _UNKNOWN)
                rows[row.exchange, row.symbol] = {
                    "exchange": row.exchange,
                    "symbol": row.symbol,
                    "isin": getattr(row, "isin", "") or known["isin"],
                    "multiplier": getattr(row, "multiplier", known["multiplier"]),
                    "last_price": known["last_price"] if row.last_price is None else row.last_price,
                    "priced_at": fetch.requested_at,
                }
    for day, rows in sorted(by_day.items()):
        work.put_instruments([rows[key] for key in sorted(rows)], day)


def _next_states(
    applied: Sequence[Applied], looks: Sequence[Answers], states: Known
) -> list[BookState]:
    changed = []
    for entry, look in zip(applied, looks, strict=True):
        account_id = look.account.account_id
        for fetch in look.all:
            quarantined = fetch.kind == "orders" and "order_book" in entry.failed
            if _usable(fetch, account_id, states) and not quarantined:
                changed.append(
                    BookState(
                        account_id,
                        fetch.kind,
                        fetch.trade_date,
                        fetch.requested_at,
                        fetch.payload_hash,
                    )
                )
    return changed
