"""One tick: fetch, look again at candidates, write the books, publish.

The data flows one way. What a crash leaves undone, the next tick does: books and notifications are
committed together, snapshots carry versions, and messages leave the outbox only when confirmed.
What belongs here: the order of the steps. What does not: the steps themselves.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.attribution import AttributionRules
from tradesync_dagster.domain.external import MAX_SKEW, DetectionRules
from tradesync_dagster.domain.heartbeats import SYNC
from tradesync_dagster.domain.ports import Clock, MessagePublisher, People, SnapshotPublisher, Store
from tradesync_dagster.domain.results import AccountResult, ResponseTime, TickSummary
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.alerts import AlertRules, look_alerts
from tradesync_dagster.sync.applying import Applied, apply
from tradesync_dagster.sync.attributing import attribute
from tradesync_dagster.sync.expiring import end_days
from tradesync_dagster.sync.fetching import Answers, Fetching, Known
from tradesync_dagster.sync.notes import Notes
from tradesync_dagster.sync.publishing import OneWait, Synced, publish
from tradesync_dagster.sync.rebuilding import AccountBooks, GenerationRules, rebuild_books
from tradesync_dagster.sync.reconciling import reconcile
from tradesync_dagster.sync.refusing import Refused, keep_refused, write_looks
from tradesync_dagster.sync.repeating import repeat, settled_answers, split_looks
from tradesync_dagster.sync.results import joined, refused, result_of, result_row, tick_row
from tradesync_dagster.sync.sessions import follow_sessions
from tradesync_dagster.sync.snapshot_documents import snapshot_document
from tradesync_dagster.sync.stopwatch import Stopwatch


@dataclass(frozen=True, slots=True)
class SyncRules:
    """What a sync does.

    Attributes:
        detection: The windows of detection.
        generation: When positions and holdings are made from fills.
        attribution: Whose external orders are.
        notify: Whether anybody is told at all.
        alerts: Who is told what.
        keep_looks: For how long what was asked and came is kept.
        interval: How long a tick may take before the next one is due.
    """

    detection: DetectionRules
    generation: GenerationRules = GenerationRules()  # noqa: RUF009 - frozen
    attribution: AttributionRules = AttributionRules()  # noqa: RUF009 - frozen
    notify: bool = True
    alerts: AlertRules = AlertRules()  # noqa: RUF009 - frozen
    keep_looks: timedelta = timedelta(days=7)
    interval: timedelta = timedelta(minutes=5)

    @property
    def patience(self) -> timedelta:
        """The longest wait for another look: an order that needs more waits for the next tick."""
        return max(self.detection.confirm, self.detection.minimum_age) + MAX_SKEW


_MOST_LOOKS = 3
"""At one account's book within a tick."""
_Done = tuple[AccountResult, float | None]
"""A look's result, and after how many seconds it needs another one."""


@dataclass(slots=True)
class _Tick:
    """One tick under way."""

    started: datetime
    force: bool
    notes: Notes
    messages: MessagePublisher | None
    watch: Stopwatch = field(default_factory=Stopwatch)
    results: dict[int, AccountResult] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)

    @property
    def tick_id(self) -> str:
        return self.started.isoformat()


@dataclass(frozen=True, slots=True)
class Sync:
    """Brings accounts up to date."""

    store: Store
    fetching: Fetching
    snapshots: SnapshotPublisher | None
    messages: MessagePublisher | None
    clock: Clock
    rules: SyncRules
    people: People | None = None
    answered: Callable[[], tuple[ResponseTime, ...]] = tuple  # how brokers have answered so far
    run_id: str = ""  # of the run in Dagster that it is made in

    async def run(
        self, accounts: Sequence[Account], *, force: bool = False, shard: str = ""
    ) -> TickSummary:
        """Sync accounts once.

        Args:
            accounts: Whose books.
            force: Make positions anew and publish all snapshots, also where nothing changed.
            shard: Which part of all accounts they are; empty where they are no such part.

        Returns:
            What came of it; an account's failure is in its result and stops no other.

        Raises:
            ConfigurationError: The store cannot be used at all.
        """
        started = self.clock.now()
        notes = Notes(started.isoformat(), started, to_redis=self.snapshots is not None)
        messages = None if self.messages is None else OneWait(self.messages)
        tick = _Tick(started, force, notes, messages)
        errors: list[str] = []
        due = list(accounts)
        for look in range(1, _MOST_LOOKS + 1):
            waits = await self._look(due, tick, last=look == _MOST_LOOKS)
            done = [account for account in due if account.account_id not in waits]
            with tick.watch.part("publish"):
                errors += await asyncio.to_thread(self._publish, done, tick)
            due = [account for account in due if account.account_id in waits]
            if not due:
                break
            with tick.watch.part("wait"):
                await self.clock.sleep(max(waits.values()))
        errors += await asyncio.to_thread(keep_refused, self.store, tick.refused, tick.tick_id)
        summary = TickSummary(
            tick.tick_id, tick.started, tick.watch.seconds(),
            tuple(tick.results[account.account_id] for account in accounts),
            tuple(dict.fromkeys(errors)), self.answered(), shard, tick.watch.parts,
            self.rules.interval.total_seconds(), tuple(tick.watch.stretches),
        )  # fmt: skip
        await asyncio.to_thread(self.store.put_tick, tick_row(summary))
        return summary

    async def _look(self, due: Sequence[Account], tick: _Tick, *, last: bool) -> dict[int, float]:
        """Look once at each account; return the seconds after which some need another look."""
        known: Known = {}
        if not tick.force:
            known = await asyncio.to_thread(settled_answers, self.store, due, tick.started)
        waits: dict[int, float] = {}
        batches = self.fetching.fetch(due, known)
        while True:
            with tick.watch.part("fetch"):
                looks = await anext(batches, None)
            if looks is None:
                return waits
            for result, wait in await asyncio.to_thread(self._write, looks, tick, last=last):
                account_id = result.account_id
                tick.results[account_id] = joined(tick.results.get(account_id), result)
                if wait is not None:
                    waits[account_id] = wait

    def _write(self, looks: Sequence[Answers], tick: _Tick, *, last: bool) -> list[_Done]:
        bad: list[Refused] = []
        write = partial(self._transact, tick=tick, last=last)
        done = write_looks(self.store, looks, write, bad)
        tick.refused += bad
        return [*done, *((refused(look.account, error), None) for look, error in bad)]

    def _transact(
        self, work: UnitOfWork, looks: Sequence[Answers], *, tick: _Tick, last: bool
    ) -> list[_Done]:
        rules, now, hours = self.rules, tick.started, self.rules.detection.hours
        with tick.watch.part("repeat"):
            same, others = split_looks(work, looks, rules.generation, now, hours, force=tick.force)
            quiet = repeat(work, same, now, hours, compare=self._generates) if same else []
        done: list[_Done] = []
        if others:
            applied, results = self._renew(work, others, tick)
            done = [
                (result, None if last else self._wait(entry))
                for entry, result in zip(applied, results, strict=True)
            ]
            with tick.watch.part("results"):
                work.put_results(result_row(one, tick.tick_id, now, self.run_id) for one in results)
                records = [entry.record for entry in applied if entry.record]
                work.add_looks(records)
                work.forget_looks([r.account_id for r in records], now - rules.keep_looks)
            if rules.notify:
                look_alerts(work, others, applied, results, tick.tick_id, now, rules.alerts)
        with tick.watch.part("results"):
            done += [(result, None) for result in quiet]
            work.beat([r.account_id for r, _ in done], SYNC, now, now + 3 * rules.interval)
            if rules.notify:
                accounts = {look.account.account_id: look.account for look in looks}
                ended = [
                    (accounts[r.account_id], joined(tick.results.get(r.account_id), r))
                    for r, wait in done
                    if wait is None
                ]
                tick.notes.write(work, ended, {result.account_id for result in quiet})
        return done

    def _renew(
        self, work: UnitOfWork, looks: Sequence[Answers], tick: _Tick
    ) -> tuple[list[Applied], list[AccountResult]]:
        rules, now, watch = self.rules, tick.started, tick.watch
        with watch.part("apply"):
            applied = apply(work, looks, rules.detection, now)
            end_days(work, applied, rules.detection.hours)
            attribute(work, applied, rules.attribution, now)
        account_ids = [entry.account.account_id for entry in applied]
        priced = {entry.account.account_id for entry in applied if entry.priced}
        with watch.part("books"):
            books = rebuild_books(
                work, account_ids, priced, rules.generation, now, force=tick.force
            )
        with watch.part("snapshots"):
            moved = work.put_snapshots(
                {e.account.account_id: _document(e, books[e.account.account_id]) for e in applied}
            )
        with watch.part("compare"):
            breaks = {}
            if self._generates:
                breaks = reconcile(work, looks, applied, books, now, rules.detection.hours)
        plain = [
            replace(
                result_of(entry, books[account_id], moved=account_id in moved),
                breaks=breaks.get(account_id, 0),
            )
            for account_id, entry in zip(account_ids, applied, strict=True)
        ]
        return applied, follow_sessions(work, looks, plain, tick.tick_id)

    def _wait(self, entry: Applied) -> float | None:
        """Tell after how many seconds another look can confirm what is a candidate, if soon."""
        wait = entry.retry_after
        return None if wait is None or wait > self.rules.patience else wait.total_seconds()

    @property
    def _generates(self) -> bool:
        return self.rules.generation.enabled

    def _publish(self, accounts: Sequence[Account], tick: _Tick) -> tuple[str, ...]:
        return publish(
            self.store,
            self.snapshots,
            tick.messages,
            self.people,
            self.clock,
            Synced([account.account_id for account in accounts], tick.force),
            lambda redis: tick.notes.completed(accounts, tick.results, redis),
        )


def _document(entry: Applied, books: AccountBooks) -> bytes:
    return snapshot_document(
        entry.account,
        entry.trade_date,
        entry.orders.values(),
        books.positions,
        books.holdings,
        sorted(entry.failed),
    )
