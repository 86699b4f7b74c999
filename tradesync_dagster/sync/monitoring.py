"""One look a cycle at the accounts whose orders brokers may be working, buys and sells alike.

A cycle is the sync of an account's orders without the rest: the same fetch and apply under the
same lease, the same books and snapshots. Trades are asked for where a book shows new fills, and
nothing else of the brokers ever. A cycle that is missed loses nothing, since each book holds all of
its day. What belongs here: which accounts are asked what, and the order of the steps. What does
not: the steps themselves; when cycles run (``defs.monitor``).
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.external import DetectionRules
from tradesync_dagster.domain.manual_changes import BY_HAND
from tradesync_dagster.domain.ports import (
    Clock,
    MessagePublisher,
    People,
    SnapshotPublisher,
    Store,
)
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.alerts import AlertRules
from tradesync_dagster.sync.applying import Applied, apply
from tradesync_dagster.sync.expiring import end_days, overdue
from tradesync_dagster.sync.fetching import Answers, Fetching
from tradesync_dagster.sync.look_records import keep_records
from tradesync_dagster.sync.narrowing import (
    leave_repeated,
    narrow,
    settled_books,
    watched_answers,
)
from tradesync_dagster.sync.publishing import Synced, publish
from tradesync_dagster.sync.rebuilding import GenerationRules, rebuild_books
from tradesync_dagster.sync.refusing import Refused, keep_refused, write_looks
from tradesync_dagster.sync.repeating import quiet_record, states_of
from tradesync_dagster.sync.snapshot_documents import renewed_document, snapshot_document
from tradesync_dagster.sync.telling import look_messages, tell

_BATCH = 250
"""Most accounts of one transaction."""
_OURS = frozenset({"order_book", "external_orders", "orders"})
"""Assets that a cycle brings up to date itself."""
_MOVES = frozenset({"status_changed", "corrected", "expired"})
"""Kinds of events in which an order goes to another status."""


@dataclass(frozen=True, slots=True)
class MonitorRules:
    """What a cycle does.

    Attributes:
        detection: The windows of detection, and the hours of trading.
        generation: When positions and holdings are made from fills.
        alerts: Who is told what.
        notify: Whether anybody is told at all.
    """

    detection: DetectionRules
    generation: GenerationRules = GenerationRules()  # noqa: RUF009 - frozen
    alerts: AlertRules = AlertRules()  # noqa: RUF009 - frozen
    notify: bool = True


@dataclass(slots=True)
class Cycle:
    """What a cycle came to.

    Attributes:
        started_at: UTC.
        asked: Accounts whose books were asked for, by key.
        changed: Those of which anything changed.
        errors: By account's key, sentences.
        moves: How many orders went to which status, by its name.
        by_hand: Changes that were made by hand.
        seconds: Wall time of the cycle.
        waited: Of them, waiting for brokers.
        publish_errors: What kept snapshots or messages from their servers.
    """

    started_at: datetime
    asked: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    errors: dict[str, list[str]] = field(default_factory=dict)
    moves: dict[str, int] = field(default_factory=dict)
    by_hand: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    publish_errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Monitor:
    """Watches orders."""

    store: Store
    fetching: Fetching
    snapshots: SnapshotPublisher | None
    messages: MessagePublisher | None
    clock: Clock
    rules: MonitorRules
    people: People | None = None

    async def cycle(self, accounts: Sequence[Account], *, asked: bool = False) -> Cycle:
        """Look once.

        Args:
            accounts: Whose orders.
            asked: Whether to look at all of them, since something is said to have happened;
                otherwise only where a broker may be working an order.

        Returns:
            What came of it; an account's failure stops no other.
        """
        loop = asyncio.get_running_loop()
        cycle, begun = Cycle(self.clock.now()), loop.time()
        due = list(accounts) if asked else await asyncio.to_thread(self._watched, accounts)
        cycle.asked = [account.key for account in due]
        known = await asyncio.to_thread(watched_answers, self.store, due, cycle.started_at)
        sent = loop.time()
        books = await self.fetching.order_books(due, known)
        cycle.waited = loop.time() - sent
        looks = await asyncio.to_thread(narrow, self.store, books, known)
        moved = await asyncio.to_thread(self._filled, looks)
        sent = loop.time()
        with_trades = await self.fetching.with_trades([looks[n] for n in moved])
        cycle.waited += loop.time() - sent
        for number, look in zip(moved, with_trades, strict=True):
            looks[number] = look
        for start in range(0, len(looks), _BATCH):
            await asyncio.to_thread(self._write, looks[start : start + _BATCH], cycle)
        cycle.publish_errors = await asyncio.to_thread(self._publish)
        cycle.seconds = loop.time() - begun
        return cycle

    def _watched(self, accounts: Sequence[Account]) -> list[Account]:
        with self.store.look() as work:
            watched = work.watched([account.account_id for account in accounts])
        return [account for account in accounts if account.account_id in watched]

    def _filled(self, looks: Sequence[Answers]) -> list[int]:
        """Name by their places the looks whose order books show fills that the ledger has not."""
        there = [look for look in looks if any(row.filled_quantity for row in look.orders.rows)]
        if not there:
            return []
        ids = [look.account.account_id for look in there]
        with self.store.look() as work:
            known = work.filled(ids, min(look.orders.trade_date for look in there))
        return [
            number
            for number, look in enumerate(looks)
            if any(
                row.filled_quantity > known.get((look.account.account_id, row.broker_order_id), 0)
                for row in look.orders.rows
            )
        ]

    def _write(self, looks: Sequence[Answers], cycle: Cycle) -> None:
        bad: list[Refused] = []
        write = partial(self._transact, now=cycle.started_at)
        _note(cycle, write_looks(self.store, looks, write, bad))
        for look, error in bad:
            lost = keep_refused(self.store, [(look, error)], cycle.started_at.isoformat())
            cycle.errors[look.account.key] = [str(error), *lost]

    def _transact(
        self, work: UnitOfWork, looks: Sequence[Answers], *, now: datetime
    ) -> list[Applied]:
        rules, hours = self.rules, self.rules.detection.hours
        ids = [look.account.account_id for look in looks]
        ending = {order.account_id for order in overdue(work, ids, hours, now)}
        states = states_of(work, looks)
        others = leave_repeated(work, looks, states, ending, hours)
        left = {look.account.account_id for look in others}
        records = [
            quiet_record(look, states, now) for look in looks if look.account.account_id not in left
        ]
        if not others:
            keep_records(work, looks, records)
            return []
        # What may be external is confirmed by the sync, which gives it an owner as well.
        applied = apply(work, others, replace(rules.detection, enabled=False), now)
        keep_records(work, looks, [*records, *(e.record for e in applied if e.record)])
        work.put_states(settled_books(applied, others, states))
        end_days(work, applied, hours)
        narrowed = {look.account.account_id for look in others if look.orders.base}
        self._show(work, [entry for entry in applied if entry.changed], narrowed, now)
        if rules.notify:
            tell(work, look_messages(applied, now), rules.alerts.addresses)
        return applied

    def _show(
        self,
        work: UnitOfWork,
        changed: Sequence[Applied],
        narrowed: Collection[int],
        now: datetime,
    ) -> None:
        """Bring books and snapshots of accounts up to date; what the sync could not, stays so."""
        ids = [entry.account.account_id for entry in changed]
        if not ids:
            return
        books = rebuild_books(work, ids, (), self.rules.generation, now)
        stale = {one: set(row["stale"]) - _OURS for one, row in work.last_results(ids).items()}
        before = work.snapshots(narrowed) if narrowed else {}
        documents = {}
        for entry in changed:
            account_id, account = entry.account.account_id, entry.account
            entry.changed |= books[account_id].changed
            rest = (
                books[account_id].positions,
                books[account_id].holdings,
                sorted(entry.failed | stale.get(account_id, set())),
            )
            earlier, day = before.get(account_id), entry.trade_date
            found = None
            if earlier is not None:
                found = renewed_document(earlier, account, day, entry.orders.values(), *rest)
            if found is None:
                whole = account_id not in narrowed
                orders = entry.orders.values() if whole else work.orders([account_id], day)
                found = snapshot_document(account, day, orders, *rest)
            documents[account_id] = found
        work.put_snapshots(documents)

    def _publish(self) -> tuple[str, ...]:
        due = Synced()  # no account's loss is looked for: that is the sync's
        return publish(
            self.store, self.snapshots, self.messages, self.people, self.clock, due, _no_bodies
        )


def _no_bodies(_: str) -> Mapping[str, bytes]:
    """Tell that no message waits for how the snapshots fared: a cycle writes none."""
    return {}


def _note(cycle: Cycle, applied: Sequence[Applied]) -> None:
    """Count what a transaction changed, once it is committed."""
    for entry in applied:
        key = entry.account.key
        if entry.errors:
            cycle.errors[key] = list(entry.errors)
        if entry.changed:
            cycle.changed.append(key)
        kinds = Counter(event.kind for event in entry.events)
        cycle.by_hand += sum(kinds[kind] for kind in BY_HAND)
        moved = (event.detail for event in entry.events if event.kind in _MOVES)
        for detail in moved:
            status = str(detail["to"])
            if status != detail.get("from"):
                cycle.moves[status] = cycle.moves.get(status, 0) + 1
