"""All that the faces may ask for.

What belongs here: one method a use-case, wired to its ports. What does not: the use-cases
(``sync``), reads (``reading``), checks of servers (``doctor``).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from tradesync_dagster.bootstrap.accounts import named, named_or_enabled
from tradesync_dagster.bootstrap.audit import AuditLog
from tradesync_dagster.bootstrap.doctor import Doctor
from tradesync_dagster.bootstrap.keys import Keys
from tradesync_dagster.bootstrap.logs import log_tick
from tradesync_dagster.bootstrap.mandates import Mandates
from tradesync_dagster.bootstrap.moderation import Moderation
from tradesync_dagster.bootstrap.monitoring import Monitoring
from tradesync_dagster.bootstrap.notifications import Notifications
from tradesync_dagster.bootstrap.observing import Observing
from tradesync_dagster.bootstrap.ownership import Ownership
from tradesync_dagster.bootstrap.page_reading import PageReading
from tradesync_dagster.bootstrap.pending import PendingFile, in_step
from tradesync_dagster.bootstrap.people import DeskPeople
from tradesync_dagster.bootstrap.retries import Retries
from tradesync_dagster.bootstrap.strategy_reading import StrategyReading
from tradesync_dagster.bootstrap.task_desk import TaskDesk
from tradesync_dagster.bootstrap.tasks import Tasks
from tradesync_dagster.bootstrap.traces import trace_tick
from tradesync_dagster.bootstrap.trading import Trading, detection_rules, placing_rules
from tradesync_dagster.bootstrap.wiring import SystemClock, people_addresses
from tradesync_dagster.brokers.tradebooks.files import open_tradebook
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.book_states import Unshown
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.results import TickSummary
from tradesync_dagster.domain.spikes import SpikeRules
from tradesync_dagster.publish.notify import ApprisePeople
from tradesync_dagster.settings import Settings, load_settings
from tradesync_dagster.store.clearing import Kept
from tradesync_dagster.store.engine import check_migrated, open_engine
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.assigning import Assigned, Assignment, Undo, assign, undo
from tradesync_dagster.sync.cycle import Sync, SyncRules
from tradesync_dagster.sync.explaining import Word, explain
from tradesync_dagster.sync.failing import RunFailure, tell_failure
from tradesync_dagster.sync.fetching import Fetching
from tradesync_dagster.sync.history import (
    catch_up_by_stretches,
    mark_shown,
    rebuild_history,
    unshown,
)
from tradesync_dagster.sync.importing import ImportResult, import_fills
from tradesync_dagster.sync.spikes import SpikeLook, watch_spikes


class Services(Ownership):
    """What the faces (Dagster, command line, API) work with."""

    __slots__ = ()

    def sync(
        self,
        accounts: Sequence[str] | None = None,
        *,
        force: bool = False,
        shard: str = "",
        run_id: str = "",
    ) -> TickSummary:
        """Bring accounts up to date once, and publish.

        Args:
            accounts: ``ORG/ACCOUNT`` keys, disabled ones too; ``None`` for all enabled ones.
            force: Make positions anew and publish all, also where nothing changed.
            shard: Which part of all accounts they are; see ``domain.shards``.
            run_id: Of the run in Dagster that this is done in; the account's page leads there.

        Returns:
            What came of it. An account's failure is in its result.

        Raises:
            ConfigurationError: A key names no account, or the books cannot be used.
        """
        chosen = named_or_enabled(self.store, accounts)
        summary = asyncio.run(self._sync(chosen, force=force, shard=shard, run_id=run_id))
        in_step(self)
        return summary

    async def _sync(
        self, accounts: Sequence[Account], *, force: bool, shard: str, run_id: str
    ) -> TickSummary:
        settings = self.settings
        brokers = self.brokers()
        rules = SyncRules(
            detection=detection_rules(settings),
            generation=self.generation_rules(),
            attribution=self.attribution_rules(),
            notify=settings.rabbitmq_notifications_enabled,
            alerts=self.alert_rules(),
            keep_looks=timedelta(days=settings.looks_days),
            interval=timedelta(minutes=settings.sync_interval_minutes),
        )
        sync = Sync(
            store=self.store,
            fetching=Fetching(
                brokers, self.clock, settings.concurrency, settings.account_deadline_seconds
            ),
            snapshots=self.snapshots(),
            messages=self.messages(),
            people=self.people(),
            clock=self.clock,
            rules=rules,
            answered=brokers.response_times,
            run_id=run_id,
        )
        try:
            summary = await sync.run(accounts, force=force, shard=shard)
            log_tick(summary)
            await asyncio.to_thread(trace_tick, summary, settings)
            return summary
        finally:
            await brokers.close()

    def clear_ticks(self) -> dict[str, int]:
        """Delete what syncs wrote of themselves longer ago than is kept, by table."""
        now, settings = self.clock.now(), self.settings
        days = (settings.retention_days, settings.looks_days, 1, settings.payload_days)
        return self.store.clear(Kept(*(now - timedelta(days=each) for each in days)))

    def import_tradebook(
        self, path: Path, account: str, *, strict: bool, progress: Callable[[int], None]
    ) -> ImportResult:
        """Take a downloaded trade history into an account's books; see ``import_fills``."""
        (chosen,) = self.chosen(account)
        now = self.clock.now()
        return import_fills(
            self.store,
            chosen,
            open_tradebook(path),
            strict=strict,
            now=now,
            progress=progress,
            rebuild=lambda: catch_up_by_stretches(self.store, chosen.account_id, now),
        )

    def rebuild_history(self, accounts: Sequence[str], since: date) -> None:
        """Make the books of a day and all later ones anew, all accounts in one pass."""
        ids = [account.account_id for account in named(self.store, accounts)]
        rebuild_history(self.store, ids, since, self.clock.now())

    def unshown(self, accounts: Sequence[str] | None = None) -> dict[str, Unshown]:
        """Tell which days of accounts (all enabled ones) changed since they were last shown."""
        chosen = named_or_enabled(self.store, accounts)
        keys = {account.account_id: account.key for account in chosen}
        return {keys[one.account_id]: one for one in unshown(self.store, list(keys))}

    def mark_shown(self, known: Sequence[Unshown], first: date, last: date) -> None:
        """Note that days were shown; see ``sync.history.mark_shown``."""
        mark_shown(self.store, known, first, last, trade_date_of(self.clock.now()))

    def assign(self, account: str, wanted: Assignment) -> Assigned:
        """Give orders to strategies; see ``sync.assigning.assign``."""
        (chosen,) = self.chosen(account)
        return assign(self.store, chosen, wanted, self.clock.now())

    def undo(self, account: str, wanted: Undo) -> Assigned:
        """Take back the last assignment of orders; see ``sync.assigning.undo``."""
        (chosen,) = self.chosen(account)
        return undo(self.store, chosen, wanted, self.clock.now())

    def explain(self, account: str, kind: str, subject: str, word: Word) -> None:
        """Keep what somebody says about a break; see ``sync.explaining.explain``."""
        (chosen,) = self.chosen(account)
        explain(self.store, chosen.account_id, kind, subject, word)

    def trading(self) -> Trading:
        """Return what may be done with orders of our own."""
        return Trading(self)

    def notifications(self) -> Notifications:
        """Return who is told of what, and the messages."""
        return Notifications(self)

    def pending_file(self) -> PendingFile:
        """Return the file in which an older system kept its orders."""
        return PendingFile(self)

    def retries(self) -> Retries:
        """Return the retry queue."""
        return Retries(self, placing_rules(self.settings))

    def monitoring(self) -> Monitoring:
        """Return the order monitor."""
        return Monitoring(self)

    def tasks(self) -> Tasks:
        """Return the desk's tasks."""
        return Tasks(TaskDesk(self, self.sync))

    def mandates(self) -> Mandates:
        """Return what strategies may do by themselves."""
        return Mandates(self)

    def keys(self) -> Keys:
        """Return the keys of the HTTP API."""
        return Keys(self.store, self.clock)

    def moderation(self) -> Moderation:
        """Return the fake orders."""
        return Moderation(self.settings, self.store, self.clock)

    def desk_people(self) -> DeskPeople:
        """Return the people who sign in to the pages."""
        return DeskPeople(self.store, self.clock)

    def audit_log(self) -> AuditLog:
        """Return the log of what people do on the pages."""
        return AuditLog(self.store, self.clock)

    def page_reading(self) -> PageReading:
        """Return what the pages show."""
        return PageReading(self.store, self.clock)

    def strategy_reading(self) -> StrategyReading:
        """Return what the pages show of strategies."""
        return StrategyReading(self.settings, self.store, self.clock)

    def observing(self) -> Observing:
        """Return what monitors ask of the desk."""
        return Observing(self.settings, self.store, self.clock)

    def check_books(self) -> None:
        """Make sure that the books answer; see ``store.engine.check_migrated``."""
        check_migrated(self.store.engine)

    def watch_spikes(self, cursor: str | None) -> SpikeLook:
        """Look for spikes of external orders; see ``sync.spikes.watch_spikes``."""
        settings = self.settings
        alerts = self.alert_rules()
        if not settings.rabbitmq_notifications_enabled:
            alerts = replace(alerts, external_orders=False)
        rules = SpikeRules(
            settings.external_order_spike_minimum,
            settings.external_order_spike_factor,
            settings.trading_hours,
        )
        return watch_spikes(self.store, cursor, self.clock.now(), rules, alerts)

    def tell_failure(self, failure: RunFailure) -> tuple[str, ...]:
        """Tell people of a run that failed; see ``sync.failing.tell_failure``."""
        if not self.settings.rabbitmq_notifications_enabled:
            return ()
        # a sensor has a minute for several failures
        people = ApprisePeople(people_addresses(self.settings), seconds=5)
        base = self.settings.dagster_url.rstrip("/")
        url = f"{base}/runs/{failure.run_id}" if base else ""
        return tell_failure(self.store, people, self.clock, replace(failure, url=url))

    def doctor(self) -> list[dict[str, str]]:
        """Check every configured server; see ``Doctor.examine``."""
        return Doctor(self).examine()

    def close(self) -> None:
        """Close the connections to the books."""
        self.store.engine.dispose()


def open_services(settings: Settings | None = None) -> Services:
    """Wire the services up.

    Args:
        settings: From ``load_settings`` when not given.

    Returns:
        Services over migrated books.

    Raises:
        ConfigurationError: A setting is malformed or the books cannot be reached.
        NotMigratedError: The books' schema is not this version's.
    """
    settings = settings or load_settings()
    engine = open_engine(settings.books_url)
    check_migrated(engine)
    store = SqlStore(engine, settings.cipher(), settings.account_credentials)
    return Services(settings, store, SystemClock())
