"""What Dagster loads."""

from collections.abc import Callable

import dagster as dg

from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.defs.assets import sync_accounts
from tradesync_dagster.defs.schedules import sync_every_five_minutes
from tradesync_dagster.defs.sensors import (
    account_discovery,
)
from tradesync_dagster.domain.results import ASSETS

KEYS = ["DESK/A", "DESK/B", "DESK/C"]
Call = Callable[..., dg.ExecuteInProcessResult]


def test_definitions() -> None:
    repository = build_definitions().get_repository_def()
    graph = repository.asset_graph
    deps = {
        key.to_user_string(): sorted(k.to_user_string() for k in graph.get(key).parent_keys)
        for key in graph.get_all_asset_keys()
    }
    assert deps == {
        "order_book": [],
        "external_orders": ["order_book"],
        "orders": ["external_orders"],
        "positions": ["orders"],
        "holdings": ["orders"],
        "snapshots": ["holdings", "positions"],
    }
    assert set(deps) == set(ASSETS)
    assert [spec.key.to_user_string() for spec in sync_accounts.specs] == list(ASSETS)
    assert "sync_job" in repository.job_names
    assert [found.name for found in repository.schedule_defs] == ["sync_every_five_minutes"]
    sensors = {found.name: found for found in repository.sensor_defs}
    assert sorted(sensors) == ["account_discovery", "failed_accounts", "run_failures"]
    assert account_discovery.minimum_interval_seconds == 30


def test_all_is_described_and_runs_by_itself() -> None:
    repository = build_definitions().get_repository_def()
    assert all(spec.description and spec.kinds and spec.group_name for spec in sync_accounts.specs)
    assert all(spec.description for spec in sync_accounts.check_specs)
    assert repository.get_job("sync_job").description
    assert all(found.description for found in repository.sensor_defs)
    assert sync_every_five_minutes.description
    assert {found.default_status.value for found in repository.sensor_defs} == {"RUNNING"}
    assert sync_every_five_minutes.default_status.value == "RUNNING"
    assert sync_every_five_minutes.cron_schedule == "*/5 * * * *"
    assert sync_every_five_minutes.execution_timezone == "Asia/Kolkata"
    assert sync_accounts.backfill_policy == dg.BackfillPolicy.single_run()
