"""All that the faces may ask for.

What belongs here: one method a use-case, wired to its ports. What does not: the use-cases
(``sync``), reads (``reading``), checks of servers (``doctor``).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from tradesync_dagster.bootstrap.doctor import Doctor
from tradesync_dagster.bootstrap.keys import Keys
from tradesync_dagster.bootstrap.ownership import Ownership
from tradesync_dagster.bootstrap.wiring import SystemClock
from tradesync_dagster.brokers.tradebooks.files import open_tradebook
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.external import DetectionRules
from tradesync_dagster.domain.results import TickSummary
from tradesync_dagster.domain.spikes import SpikeRules
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.settings import Settings, load_settings
from tradesync_dagster.store.engine import check_migrated, open_engine
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.assigning import Assignment, assign
from tradesync_dagster.sync.cycle import Sync, SyncRules, check_known
from tradesync_dagster.sync.explaining import Word, explain
from tradesync_dagster.sync.fetching import Fetching
from tradesync_dagster.sync.history import catch_up, rebuild_history
from tradesync_dagster.sync.importing import ImportResult, import_fills
from tradesync_dagster.sync.rebuilding import GenerationRules
from tradesync_dagster.sync.spikes import SpikeLook, watch_spikes


class Services(Ownership):
    """What the faces (Dagster, command line, API) work with."""

    __slots__ = ()

    def sync(self, accounts: Sequence[str] | None = None, *, force: bool = False) -> TickSummary:
        """Bring accounts up to date once, and publish.

        Args:
            accounts: ``ORG/ACCOUNT`` keys, disabled ones too; ``None`` for all enabled ones.
            force: Make positions anew and publish all, also where nothing changed.

        Returns:
            What came of it. An account's failure is in its result.

        Raises:
            ConfigurationError: A key names no account, or the books cannot be used.
        """
        if accounts is None:
            chosen = self.store.accounts()
        else:
            chosen = check_known(self.store.accounts(enabled_only=False), accounts)
        return asyncio.run(self._sync(chosen, force=force))

    async def _sync(self, accounts: Sequence[Account], *, force: bool) -> TickSummary:
        settings = self.settings
        brokers = self.brokers()
        rules = SyncRules(
            detection=DetectionRules(
                enabled=settings.external_order_detection_enabled,
                confirm=timedelta(seconds=settings.confirm_seconds),
                minimum_age=timedelta(seconds=settings.minimum_age_seconds),
                tag_prefix=settings.tag_prefix,
            ),
            generation=GenerationRules(
                enabled=settings.position_generation_enabled,
                refresh=timedelta(minutes=settings.positions_refresh_minutes),
                interval=timedelta(minutes=settings.position_generation_interval_minutes),
            ),
            attribution=self.attribution_rules(),
            notify=settings.rabbitmq_notifications_enabled,
            alerts=self.alert_rules(),
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
        )
        try:
            summary = await sync.run(accounts, force=force)
            return replace(summary, response_times=brokers.response_times())
        finally:
            await brokers.close()

    def import_tradebook(
        self, path: Path, account: str, *, strict: bool, progress: Callable[[int], None]
    ) -> ImportResult:
        """Take a downloaded trade history into an account's books; see ``import_fills``."""
        (chosen,) = self.chosen(account)
        now = self.clock.now()

        def rebuild(work: UnitOfWork, known: Account, since: date) -> None:  # noqa: ARG001 - marked
            catch_up(work, [known.account_id], now)

        return import_fills(
            self.store,
            chosen,
            open_tradebook(path),
            strict=strict,
            now=now,
            progress=progress,
            rebuild=rebuild,
        )

    def rebuild_history(self, accounts: Sequence[str], since: date) -> None:
        """Make the books of a day and all later ones anew, all accounts in one pass."""
        chosen = check_known(self.store.accounts(enabled_only=False), accounts)
        ids = [account.account_id for account in chosen]
        rebuild_history(self.store, ids, since, self.clock.now())

    def assign(self, account: str, wanted: Assignment) -> int:
        """Give orders to a strategy; see ``sync.assigning.assign``."""
        (chosen,) = self.chosen(account)
        return assign(self.store, chosen.account_id, wanted, self.clock.now())

    def explain(self, account: str, kind: str, subject: str, word: Word) -> None:
        """Keep what somebody says about a break; see ``sync.explaining.explain``."""
        (chosen,) = self.chosen(account)
        explain(self.store, chosen.account_id, kind, subject, word)

    def keys(self) -> Keys:
        """Return the keys of the HTTP API."""
        return Keys(self.store, self.clock)

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
            settings.external_order_spike_minimum, settings.external_order_spike_factor
        )
        return watch_spikes(self.store, cursor, self.clock.now(), rules, alerts)

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
