"""Small services that Dagster's face is tested over, and runs of the job."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import numpy as np
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context

from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.defs.jobs import config_for
from tradesync_dagster.defs.partitions import ACCOUNTS, accounts
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.book_states import Unshown
from tradesync_dagster.domain.performance import Curve
from tradesync_dagster.domain.results import ASSETS, FAILED, SUCCESS, AccountResult, TickSummary
from tradesync_dagster.domain.trading_hours import TradingHours
from tradesync_dagster.settings import Settings
from tradesync_dagster.sync.history import Replay
from tradesync_dagster_tests.support.clocks import MovingClock

AFTER_CLOSE = datetime(2026, 3, 6, 11, 0, tzinfo=UTC)
"""A Friday, 16:30 IST."""
KEYS = ["DESK/A", "DESK/B", "DESK/C"]


@dataclass
class SmallStore:
    keys: list[str] = field(default_factory=lambda: list(KEYS))
    error: str = ""

    def accounts(self, *, enabled_only: bool = True) -> list[Account]:
        if self.error:
            raise ConnectionError(self.error)
        pairs = [key.split("/") for key in self.keys]
        return [Account(i, org, name, "ZERODHA") for i, (org, name) in enumerate(pairs, start=1)]


@dataclass
class SmallServices:
    store: SmallStore = field(default_factory=SmallStore)
    clock: MovingClock = field(default_factory=lambda: MovingClock(AFTER_CLOSE))
    settings: Settings = field(default_factory=Settings)
    idle: set[str] = field(default_factory=set)
    error: str = ""
    rebuilt: list[tuple[list[str], date]] = field(default_factory=list)
    followed: list[tuple[list[str], date, date]] = field(default_factory=list)
    waiting: dict[str, Unshown] = field(default_factory=dict)
    marked: list[tuple[list[Unshown], date, date]] = field(default_factory=list)
    replays: dict[str, Replay] = field(default_factory=dict)
    replayed: list[list[str]] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)
    half: set[str] = field(default_factory=set)
    open_ends: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=lambda: set(KEYS))
    asked: list[list[str] | None] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    seconds: float = 0.25

    def sync(
        self,
        accounts: Sequence[str] | None = None,
        *,
        force: bool = False,
        shard: str = "",
        run_id: str = "",
    ) -> TickSummary:
        self.asked.append(None if accounts is None else list(accounts))
        self.runs.append(run_id)
        keys = self.store.keys if accounts is None else accounts
        started = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
        results = tuple(self.result(key) for key in keys)
        return TickSummary(
            f"tick-{len(self.asked)}", started, self.seconds, results, shard=shard,
            parts={"fetch": 0.2}, interval_seconds=300,
        )  # fmt: skip

    def result(self, key: str) -> AccountResult:
        if key in self.bad:
            return AccountResult(key, 1, FAILED, errors=("ZERODHA orders: no answer",))
        half = frozenset({"holdings"}) if key in self.half else frozenset()
        return AccountResult(
            key, 1, "partial_success" if half else SUCCESS,
            errors=("holdings unreadable",) if half else (),
            changed=frozenset(ASSETS) if key in self.changed else frozenset(),
            failed=half, orders=7, external_orders=2, positions=3, realised_pnl=-12_500_000,
            candidates=int(key in self.open_ends), seconds={"fetch": 0.2, "rebuild": 0.05},
        )  # fmt: skip

    def rebuild_history(self, accounts: Sequence[str], since: date) -> None:
        if self.error:
            raise ConnectionError(self.error)
        self.rebuilt.append((list(accounts), since))

    def unshown(self, accounts: Sequence[str] | None = None) -> dict[str, Unshown]:
        keys = self.store.keys if accounts is None else accounts
        return {key: one for key, one in self.waiting.items() if key in keys}

    def mark_shown(self, known: Sequence[Unshown], first: date, last: date) -> None:
        self.marked.append((list(known), first, last))

    def daily(
        self, accounts: Sequence[str], since: date, until: date
    ) -> dict[str, dict[str, Curve]]:
        """Curves whose figures tell the day of the month, with one rupee earned a day."""
        self.followed.append((list(accounts), since, until))
        days = TradingHours().trading_days(since, until)
        ordinals = np.array([day.toordinal() for day in days])
        of_month = np.array([day.day for day in days])
        ones = np.ones(len(days), np.int64)
        curve = Curve(
            day=ordinals, realised=1_000_000 * ones, unrealised=-250_000 * of_month,
            unpriced=0 * ones, exposure=2**70 * ones.astype(object), positions=of_month,
            holdings=of_month + 100, wins=ones, losses=0 * ones,
        )  # fmt: skip
        return {key: {"": curve, "CNC": curve} for key in accounts if key not in self.idle}

    def replay(self, accounts: Sequence[str] | None = None) -> dict[str, Replay]:
        self.replayed.append(list(accounts or ()))
        well = Replay(7, (), 0, stale=False)
        return {key: self.replays.get(key, well) for key in accounts or ()}

    def external_orders(self, account: str | None = None, days: int = 1) -> list[dict[str, Any]]:
        row = {"broker_order_id": "1", "symbol": "ITC", "quantity": 10, "average_price": "401.05"}
        return [row]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        made.add_dynamic_partitions(ACCOUNTS, KEYS)
        yield made


@pytest.fixture
def services() -> SmallServices:
    return SmallServices()


@pytest.fixture
def tick(instance: dg.DagsterInstance) -> Callable[..., dg.ExecuteInProcessResult]:
    """Run the job as the schedule asks for it."""

    def run(
        services: SmallServices, keys: Sequence[str] = KEYS, shard: str = ""
    ) -> dg.ExecuteInProcessResult:
        job = build_definitions({"services": services}).resolve_job_def("sync_job")
        return job.execute_in_process(run_config=config_for(keys, shard), instance=instance)

    return run


@pytest.fixture
def one(instance: dg.DagsterInstance) -> Callable[..., dg.ExecuteInProcessResult]:
    """Run the job as a person or a sensor asks for one account."""

    def run(services: SmallServices, key: str) -> dg.ExecuteInProcessResult:
        job = build_definitions({"services": services}).resolve_job_def("sync_job")
        return job.execute_in_process(partition_key=key, instance=instance, raise_on_error=False)

    return run


@pytest.fixture
def answers_shown(
    instance: dg.DagsterInstance,
) -> Callable[[dg.AssetCheckSpec], dict[str, set[str]]]:
    """What a check's page shows of each account; nothing where its answer is outdated."""

    def look(check: dg.AssetCheckSpec) -> dict[str, set[str]]:
        with partition_loading_context(dynamic_partitions_store=instance):
            state = instance.event_log_storage.get_asset_check_state([(check.key, accounts)])
        return {
            status.value: set(subset.subset_value.get_partition_keys())
            for status, subset in state[check.key].subsets.items()
            if subset.size
        }

    return look
