"""One tick: fetch, look again at candidates, write the books, publish.

The data flows one way. What a crash leaves undone, the next tick does: books and notifications are
committed together, snapshots carry versions, and messages leave the outbox only when confirmed.
What belongs here: the order of the steps. What does not: the steps themselves.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.attribution import AttributionRules
from tradesync_dagster.domain.errors import AccountNotFoundError, StoreError
from tradesync_dagster.domain.external import MAX_SKEW, DetectionRules, count_origins
from tradesync_dagster.domain.orders import Origin
from tradesync_dagster.domain.ports import (
    Clock,
    MessagePublisher,
    People,
    SnapshotPublisher,
    Store,
)
from tradesync_dagster.domain.results import (
    ASSETS,
    FAILED,
    PARTIAL,
    SUCCESS,
    AccountResult,
    TickSummary,
)
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.alerts import AlertRules, look_alerts
from tradesync_dagster.sync.applying import Applied, apply
from tradesync_dagster.sync.attributing import attribute
from tradesync_dagster.sync.documents import result_document, snapshot_document, sync_completed
from tradesync_dagster.sync.fetching import Answers, Fetching
from tradesync_dagster.sync.publishing import publish
from tradesync_dagster.sync.rebuilding import AccountBooks, GenerationRules, rebuild_books
from tradesync_dagster.sync.reconciling import reconcile
from tradesync_dagster.sync.sessions import follow_sessions


@dataclass(frozen=True, slots=True)
class SyncRules:
    """What a sync does.

    Attributes:
        detection: The windows of detection.
        generation: When positions and holdings are made from fills.
        attribution: Whose external orders are.
        most_looks: Most looks at one account's book within a tick.
    """

    detection: DetectionRules
    generation: GenerationRules = GenerationRules()  # noqa: RUF009 - frozen
    attribution: AttributionRules = AttributionRules()  # noqa: RUF009 - frozen
    notify: bool = True
    alerts: AlertRules = AlertRules()  # noqa: RUF009 - frozen
    most_looks: int = 3

    @property
    def patience(self) -> timedelta:
        """The longest wait for another look: beyond it lies an order dated by a wrong clock.

        Such an account is looked at again by the next tick, and no other account waits for it.
        """
        return max(self.detection.confirm, self.detection.minimum_age) + MAX_SKEW


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

    async def run(self, accounts: Sequence[Account], *, force: bool = False) -> TickSummary:
        """Sync accounts once.

        Args:
            accounts: Whose books.
            force: Make positions anew and publish all snapshots, also where nothing changed.

        Returns:
            What came of it; an account's failure is in its result and stops no other.

        Raises:
            ConfigurationError: The store cannot be used at all.
        """
        started, began = self.clock.now(), time.perf_counter()
        tick_id = started.isoformat()
        results: dict[int, AccountResult] = {}
        due = list(accounts)
        for look in range(1, self.rules.most_looks + 1):
            looks = await self.fetching.fetch(due)
            done = self._write(looks, tick_id, started, force=force)
            for result, _ in done:
                results[result.account_id] = _merge(results.get(result.account_id), result)
            patience = self.rules.patience.total_seconds()
            waits = {r.account_id: w for r, w in done if w is not None and w <= patience}
            due = [account for account in due if account.account_id in waits]
            if not due or look == self.rules.most_looks:
                break
            await self.clock.sleep(max(waits.values()))
        ordered = tuple(results[account.account_id] for account in accounts)
        errors = await asyncio.to_thread(self._publish, accounts, ordered, tick_id, started, force)
        return TickSummary(tick_id, started, time.perf_counter() - began, ordered, errors)

    def _write(
        self, looks: Sequence[Answers], tick_id: str, started: datetime, *, force: bool
    ) -> list[tuple[AccountResult, float | None]]:
        """Write all in one transaction; if it is refused, halve until the bad one is alone."""
        if not looks:
            return []
        try:
            with self.store.begin([look.account.account_id for look in looks]) as work:
                return self._transact(work, looks, tick_id, started, force=force)
        except StoreError as error:
            if len(looks) == 1:
                account = looks[0].account
                sentence = f"{account.key}: {error}"
                failed = AccountResult(
                    account.key, account.account_id, FAILED, (sentence,), failed=frozenset(ASSETS)
                )
                return [(failed, None)]
        half = len(looks) // 2
        return [
            *self._write(looks[:half], tick_id, started, force=force),
            *self._write(looks[half:], tick_id, started, force=force),
        ]

    def _transact(
        self,
        work: UnitOfWork,
        looks: Sequence[Answers],
        tick_id: str,
        started: datetime,
        *,
        force: bool,
    ) -> list[tuple[AccountResult, float | None]]:
        applied = apply(work, looks, self.rules.detection, started)
        attribute(work, applied, self.rules.attribution, started)
        account_ids = [entry.account.account_id for entry in applied]
        priced = {entry.account.account_id for entry in applied if entry.priced}
        books = rebuild_books(
            work, account_ids, priced, self.rules.generation, started, force=force
        )
        documents = {
            entry.account.account_id: snapshot_document(
                entry.account,
                entry.trade_date,
                entry.orders.values(),
                books[entry.account.account_id].positions,
                books[entry.account.account_id].holdings,
                sorted(entry.failed),
            )
            for entry in applied
        }
        moved = work.put_snapshots(documents)
        breaks = reconcile(work, looks, applied, books, started) if self._generates else {}
        plain = [
            replace(
                _result(entry, books[account_id], account_id in moved),
                breaks=breaks.get(account_id, 0),
            )
            for account_id, entry in zip(account_ids, applied, strict=True)
        ]
        results = follow_sessions(work, looks, plain, tick_id)
        work.put_results(_row(result, tick_id, started) for result in results)
        if self.rules.notify:
            look_alerts(work, looks, applied, results, tick_id, started, self.rules.alerts)
            work.add_messages(
                sync_completed(entry.account, result, tick_id, started, "pending")
                for entry, result in zip(applied, results, strict=True)
            )
        return [
            (r, None if e.retry_after is None else e.retry_after.total_seconds())
            for r, e in zip(results, applied, strict=True)
        ]

    @property
    def _generates(self) -> bool:
        return self.rules.generation.enabled

    def _publish(
        self,
        accounts: Sequence[Account],
        results: Sequence[AccountResult],
        tick_id: str,
        started: datetime,
        force: bool,  # noqa: FBT001 - asyncio.to_thread hands on what it is given
    ) -> tuple[str, ...]:
        return publish(
            self.store,
            self.snapshots,
            self.messages,
            self.people,
            self.clock,
            [a.account_id for a in accounts] if force else None,
            lambda redis_status: (
                {
                    message.message_id: message.body
                    for message in (
                        sync_completed(account, result, tick_id, started, redis_status)
                        for account, result in zip(accounts, results, strict=True)
                    )
                }
                if self.rules.notify
                else {}
            ),
        )


def _result(entry: Applied, books: AccountBooks, moved: bool) -> AccountResult:  # noqa: FBT001
    origins = count_origins(entry.orders.values(), entry.trade_date)
    changed = entry.changed | books.changed | ({"snapshots"} if moved else set())
    status = SUCCESS
    if entry.errors:
        status = FAILED if entry.failed.issuperset(ASSETS[:5]) else PARTIAL
    return AccountResult(
        account=entry.account.key,
        account_id=entry.account.account_id,
        status=status,
        errors=tuple(entry.errors),
        changed=frozenset(changed),
        failed=frozenset(entry.failed),
        orders=origins.total(),
        external_orders=origins[Origin.EXTERNAL],
        new_external_orders=entry.confirmed,
        candidates=origins[Origin.CANDIDATE],
        fills=entry.fills,
        positions=len(books.positions),
        holdings=len(books.holdings),
        realised_pnl=books.realised_pnl,
        unrealised_pnl=books.unrealised_pnl,
        rejects=entry.rejects,
        positions_regenerated=books.regenerated,
        seconds=entry.seconds,
    )


def _row(result: AccountResult, tick_id: str, started: datetime) -> dict[str, object]:
    return {
        "tick_id": tick_id,
        "account_id": result.account_id,
        "started_at": started,
        "status": result.status,
        "results": result_document(result),
    }


def _merge(first: AccountResult | None, second: AccountResult) -> AccountResult:
    """Join the results of two looks within one tick: the newer figures, all that changed."""
    if first is None:
        return second
    return replace(
        second,
        changed=first.changed | second.changed,
        new_external_orders=first.new_external_orders + second.new_external_orders,
        positions_regenerated=first.positions_regenerated or second.positions_regenerated,
        seconds={
            name: first.seconds.get(name, 0.0) + second.seconds.get(name, 0.0)
            for name in {*first.seconds, *second.seconds}
        },
    )


def check_known(accounts: Sequence[Account], wanted: Sequence[str]) -> list[Account]:
    """Pick accounts by key.

    Args:
        accounts: All there are.
        wanted: ``ORG/ACCOUNT`` keys.

    Returns:
        The wanted ones, in the order asked for, each once.

    Raises:
        AccountNotFoundError: A key names no account.
    """
    by_key = {account.key: account for account in accounts}
    unknown = [key for key in wanted if key not in by_key]
    if unknown:
        raise AccountNotFoundError(
            f"there is no account {unknown[0]!r}; see them with: tradesync accounts list"
        )
    return [by_key[key] for key in dict.fromkeys(wanted)]
