"""From settings to services: the only place of wiring.

What belongs here: which class stands behind which port. What does not: rules, or reading the
environment.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

from tradesync_dagster.brokers.factory import BrokerFactory
from tradesync_dagster.brokers.tradebooks.files import open_tradebook
from tradesync_dagster.brokers.transport import Transport, TransportPolicy
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import ConfigurationError, TradesyncError
from tradesync_dagster.domain.external import DetectionRules
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.orders import Origin
from tradesync_dagster.domain.performance import Curve
from tradesync_dagster.domain.ports import MessagePublisher, SnapshotPublisher
from tradesync_dagster.domain.publications import Snapshot
from tradesync_dagster.domain.results import TickSummary
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.publish.rabbitmq import RabbitPublisher
from tradesync_dagster.publish.redis_snapshots import RedisSnapshots, connect
from tradesync_dagster.settings import Settings, load_settings
from tradesync_dagster.store.engine import check_migrated, open_engine
from tradesync_dagster.store.queries import Queries
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.cycle import Sync, SyncRules, check_known
from tradesync_dagster.sync.documents import metrics_document, shown
from tradesync_dagster.sync.fetching import Fetching
from tradesync_dagster.sync.history import (
    Replay,
    as_of,
    catch_up,
    performance,
    rebuild_history,
    replay,
)
from tradesync_dagster.sync.importing import ImportResult, import_fills
from tradesync_dagster.sync.rebuilding import GenerationRules

Rows = list[dict[str, Any]]


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one clock

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking the loop."""
        await asyncio.sleep(seconds)


class _Redis:
    """Opens Redis only when there is something to publish, so that its absence stops no sync."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self) -> Any:
        """Connect; see ``publish.redis_snapshots.connect``."""
        settings = self._settings
        url = settings.redis_url.get_secret_value() if settings.redis_url else None
        return connect(url, settings.redis_cluster_hosts, production=settings.is_production)

    def publish(self, snapshots: Sequence[Snapshot]) -> None:
        """See ``ports.SnapshotPublisher``."""
        if not snapshots:
            return
        client = self.open()
        try:
            RedisSnapshots(client).publish(snapshots)
        finally:
            client.close()


@dataclass(frozen=True, slots=True)
class Services:
    """What the faces (Dagster, command line, API) work with."""

    settings: Settings
    store: SqlStore
    clock: SystemClock

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
        brokers = self._brokers()
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
            notify=settings.rabbitmq_notifications_enabled,
        )
        sync = Sync(
            store=self.store,
            fetching=Fetching(
                brokers, self.clock, settings.concurrency, settings.account_deadline_seconds
            ),
            snapshots=self._snapshots(),
            messages=self._messages(),
            clock=self.clock,
            rules=rules,
        )
        try:
            return await sync.run(accounts, force=force)
        finally:
            await brokers.close()

    def _brokers(self) -> BrokerFactory:
        settings = self.settings
        policy = TransportPolicy(
            timeout_seconds=settings.broker_api_timeout_seconds,
            retry_attempts=settings.broker_api_retry_attempts,
            rate_limit_delay=settings.broker_api_rate_limit_delay,
            connections=4 * settings.concurrency,
        )
        return BrokerFactory(Transport(self.clock, policy), self.clock)

    def _snapshots(self) -> SnapshotPublisher | None:
        settings = self.settings
        cluster = settings.is_production and settings.redis_cluster_hosts.strip()
        return _Redis(settings) if settings.redis_url or cluster else None

    def _messages(self) -> MessagePublisher | None:
        url = self.settings.rabbitmq_url
        return None if url is None else RabbitPublisher(url.get_secret_value())

    def orders(self, account: str | None = None, days: int = 1) -> Rows:
        """List orders of the last days, newest first; prices as decimal text."""
        return self._orders(account, days, tuple(Origin))

    def external_orders(self, account: str | None = None, days: int = 1) -> Rows:
        """List external orders and candidates of the last days, newest first."""
        return self._orders(account, days, (Origin.EXTERNAL, Origin.CANDIDATE))

    def _orders(self, account: str | None, days: int, origins: Sequence[Origin]) -> Rows:
        self._check_account(account)
        since = trade_date_of(self.clock.now()) - timedelta(days=days - 1)
        with self.store.reading() as connection:
            return _shown(Queries(connection).orders(account, since, origins))

    def positions(self, account: str | None = None, as_of: date | None = None) -> Rows:
        """List positions, now or at a past day's end; prices and P&L as decimal text."""
        if as_of is not None:
            return self._as_of(account, as_of, "positions")
        self._check_account(account)
        with self.store.reading() as connection:
            return _shown(Queries(connection).positions(account))

    def holdings(self, account: str | None = None, as_of: date | None = None) -> Rows:
        """List holdings, now or at a past day's end; prices and P&L as decimal text."""
        if as_of is not None:
            return self._as_of(account, as_of, "holdings")
        self._check_account(account)
        with self.store.reading() as connection:
            return _shown(Queries(connection).holdings(account))

    def _as_of(self, account: str | None, day: date, kind: str) -> Rows:
        today = trade_date_of(self.clock.now())
        if day > today:
            raise ConfigurationError(f"{day} is still to come; today is {today} in Asia/Kolkata")
        keys = {one.account_id: one.key for one in self._chosen(account)}
        rows = getattr(as_of(self.store, list(keys), day), kind)
        named = ({"account": keys[row["account_id"]]} | row for row in rows)
        return _shown(sorted(named, key=lambda row: (row["account"], row["exchange"])))

    def _chosen(self, account: str | None) -> list[Account]:
        known = self.store.accounts(enabled_only=False)
        return known if account is None else check_known(known, [account])

    def metrics(self, account: str | None = None, days: int = 365) -> Rows:
        """Sum up accounts and strategies over the last days; money and rates as decimal text."""
        until = trade_date_of(self.clock.now())
        since = until - timedelta(days=days - 1)
        keys = {one.account_id: one.key for one in self._chosen(account)}
        found = performance(self.store, list(keys), since, until)
        return [
            metrics_document(keys[account_id], strategy_id, curve)
            for (account_id, strategy_id), curve in sorted(found.items())
        ]

    def import_tradebook(
        self, path: Path, account: str, *, strict: bool, progress: Callable[[int], None]
    ) -> ImportResult:
        """Take a downloaded trade history into an account's books; see ``import_fills``."""
        (chosen,) = self._chosen(account)
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

    def daily(self, accounts: Sequence[str], since: date, until: date) -> dict[str, Curve]:
        """Follow accounts' own books over trading days, by key."""
        chosen = check_known(self.store.accounts(enabled_only=False), accounts)
        keys = {account.account_id: account.key for account in chosen}
        found = performance(self.store, list(keys), since, until)
        return {keys[account_id]: curve for (account_id, name), curve in found.items() if not name}

    def replay(self, accounts: Sequence[str] | None = None) -> dict[str, Replay]:
        """Prove that stored books follow from their fills, by account key."""
        known = self.store.accounts(enabled_only=False)
        chosen = known if accounts is None else check_known(known, accounts)
        keys = {account.account_id: account.key for account in chosen}
        return {keys[a]: found for a, found in replay(self.store, list(keys)).items()}

    def _check_account(self, account: str | None) -> None:
        if account is not None:
            check_known(self.store.accounts(enabled_only=False), [account])

    def last_ticks(self, limit: int = 10) -> Rows:
        """Sum up the latest ticks, newest first.

        Args:
            limit: How many.

        Returns:
            One row a tick; the seconds are those of the slowest account, as text.
        """
        with self.store.reading() as connection:
            rows = Queries(connection).results(limit)
        return [
            _tick(tick_id, list(group)) for tick_id, group in groupby(rows, lambda r: r["tick_id"])
        ]

    def doctor(self) -> list[dict[str, str]]:
        """Check every configured server and say what is wrong in words.

        Returns:
            Rows with ``name``, ``state`` (``ok``, ``off`` or ``wrong``) and ``detail``.
        """
        return [self._check(name) for name in ("database", "redis", "rabbitmq", "accounts")]

    def _check(self, name: str) -> dict[str, str]:
        try:
            state, detail = getattr(self, f"_check_{name}")()
        except TradesyncError as error:
            state, detail = "wrong", str(error)
        return {"name": name, "state": state, "detail": detail}

    def _check_database(self) -> tuple[str, str]:
        check_migrated(self.store.engine)
        return "ok", self.store.engine.url.render_as_string(hide_password=True)

    def _check_redis(self) -> tuple[str, str]:
        publisher = self._snapshots()
        if publisher is None:
            return "off", "REDIS_URL is not set; snapshots stay in the database"
        client = _Redis(self.settings).open()
        RedisSnapshots(client, retries=0).check()
        client.close()
        return "ok", "answers"

    def _check_rabbitmq(self) -> tuple[str, str]:
        url = self.settings.rabbitmq_url
        if url is None:
            return "off", "RABBITMQ_URL is not set; notifications stay in the outbox"
        RabbitPublisher(url.get_secret_value()).check()
        return "ok", "answers"

    def _check_accounts(self) -> tuple[str, str]:
        return asyncio.run(self._check_sessions(self.store.accounts()))

    async def _check_sessions(self, accounts: Sequence[Account]) -> tuple[str, str]:
        if not accounts:
            return "off", (
                "no account is enabled; add one with: tradesync accounts add, or include one "
                "again with: tradesync accounts enable"
            )
        brokers = self._brokers()

        async def check(account: Account) -> str:
            try:
                await brokers.client(account).profile()
            except TradesyncError as error:
                return f"{account.key}: {error}"
            return ""

        try:
            found = await asyncio.gather(*(check(account) for account in accounts))
        finally:
            await brokers.close()
        wrong = [sentence for sentence in found if sentence]
        if wrong:
            more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
            return "wrong", "; ".join(wrong[:5]) + more
        return "ok", f"{len(accounts)} enabled, all sessions answer"

    def close(self) -> None:
        """Close the connections to the books."""
        self.store.engine.dispose()


def _shown(rows: Rows) -> Rows:
    return [shown(row) for row in rows]


def _tick(tick_id: str, rows: Rows) -> dict[str, Any]:
    results = [row["results"] for row in rows]

    def total(name: str) -> int:
        return sum(result[name] for result in results)

    spent = [sum(map(Decimal, result["seconds"].values()), Decimal(0)) for result in results]
    return {
        "tick_id": tick_id,
        "started_at": rows[0]["started_at"].isoformat(),
        "accounts": len(rows),
        "orders": total("orders"),
        "external_orders": total("external_orders"),
        "new_external_orders": total("new_external_orders"),
        "positions": total("positions"),
        "errors": sum(len(result["errors"]) for result in results),
        "seconds": str(max(spent)),
    }


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
    return Services(settings, SqlStore(engine, settings.cipher()), SystemClock())
