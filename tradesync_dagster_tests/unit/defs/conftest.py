"""Small services that Dagster's face is tested over, and runs of the job."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg
import pytest

from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.defs.jobs import config_for
from tradesync_dagster.defs.partitions import ACCOUNTS
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.results import ASSETS, FAILED, SUCCESS, AccountResult, TickSummary

KEYS = ["DESK/A", "DESK/B", "DESK/C"]


@dataclass
class SmallStore:
    keys: list[str] = field(default_factory=lambda: list(KEYS))
    error: str = ""

    def accounts(self, *, enabled_only: bool = True) -> list[Account]:
        if self.error:
            raise ConnectionError(self.error)
        pairs = [key.split("/") for key in self.keys]
        return [Account(i, org, name, "ZERODHA") for i, (org, name) in enumerate(pairs)]


@dataclass
class SmallServices:
    store: SmallStore = field(default_factory=SmallStore)
    bad: set[str] = field(default_factory=set)
    half: set[str] = field(default_factory=set)
    open_ends: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=lambda: set(KEYS))
    asked: list[list[str] | None] = field(default_factory=list)

    def sync(self, accounts: Sequence[str] | None = None, *, force: bool = False) -> TickSummary:
        self.asked.append(None if accounts is None else list(accounts))
        keys = self.store.keys if accounts is None else accounts
        started = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
        results = tuple(self.result(key) for key in keys)
        return TickSummary(f"tick-{len(self.asked)}", started, 0.25, results)

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

    def external_orders(self, account_key: str, days: int = 1) -> list[dict[str, str | int]]:
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

    def run(services: SmallServices, keys: Sequence[str] = KEYS) -> dg.ExecuteInProcessResult:
        job = build_definitions({"services": services}).resolve_job_def("sync_job")
        return job.execute_in_process(run_config=config_for(keys), instance=instance)

    return run


@pytest.fixture
def one(instance: dg.DagsterInstance) -> Callable[..., dg.ExecuteInProcessResult]:
    """Run the job as a person or a sensor asks for one account."""

    def run(services: SmallServices, key: str) -> dg.ExecuteInProcessResult:
        job = build_definitions({"services": services}).resolve_job_def("sync_job")
        return job.execute_in_process(partition_key=key, instance=instance, raise_on_error=False)

    return run
