"""What Dagster loads."""

from collections.abc import Callable

import dagster as dg

from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.defs.assets import sync_accounts
from tradesync_dagster.defs.history import NAMES, daily_books
from tradesync_dagster.defs.sensors import account_discovery
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
        "ticks": [],
        "external_orders": ["order_book"],
        "orders": ["external_orders"],
        "positions": ["orders"],
        "holdings": ["orders"],
        "snapshots": ["holdings", "positions"],
        "daily_positions": ["positions"],
        "daily_holdings": ["holdings"],
        "fake_orders": [],
        "fake_positions": ["fake_orders"],
        "task_turns": [],
    }
    assert set(deps) == {*ASSETS, *NAMES, "ticks", "fake_orders", "fake_positions", "task_turns"}
    assert [spec.key.to_user_string() for spec in sync_accounts.specs] == list(ASSETS)
    assert sorted((key.asset_key.to_user_string(), key.name) for key in graph.asset_check_keys) == [
        ("external_orders", "books_complete"),
        ("positions", "books_replay"),
    ]
    jobs = {name for name in repository.job_names if not name.startswith("__")}
    assert jobs == {
        "sync_job", "rebuild_history", "audit_books", "clear_history", "moderate_fake_orders",
        "mark_fake_positions", "monitor_orders", "retry_orders", "run_tasks",
    }  # fmt: skip
    crons = {found.name: found.cron_schedule for found in repository.schedule_defs}
    assert crons == {
        "sync_every_five_minutes": "*/5 * * * *",
        "monitor_every_minute": "* * * * *",
        "retries_every_minute": "* * * * *",
        "audit_after_close": "30 16 * * *",
        "history_after_close": "45 16 * * *",
        "clear_history_daily": "15 3 * * *",
        "mark_fake_positions_in_their_hour": "*/5 * * * *",
        "tasks_every_minute": "* * * * *",
    }
    sensors = {found.name: found for found in repository.sensor_defs}
    assert sorted(sensors) == [
        "account_discovery", "changed_history", "due_moderation", "external_order_spikes",
        "failed_accounts", "run_failures",
    ]  # fmt: skip
    assert account_discovery.minimum_interval_seconds == 30


def test_all_is_described_and_runs_by_itself() -> None:
    repository = build_definitions().get_repository_def()
    specs = [*sync_accounts.specs, *daily_books.specs]
    assert all(spec.description and spec.kinds and spec.group_name for spec in specs)
    graph = repository.asset_graph
    nodes = [graph.get(key) for key in graph.get_all_asset_keys()]
    assert all(node.description and node.kinds and node.owners for node in nodes)
    ageless = {node.key.to_user_string() for node in nodes if node.freshness_policy is None}
    assert {name for name in ageless if not name.startswith("fake_")} == set()
    assert all(graph.get(key).description for key in graph.asset_check_keys)
    jobs = [repository.get_job(name) for name in ("sync_job", "rebuild_history", "audit_books")]
    assert all(job.description for job in jobs)
    scheduled = [*repository.sensor_defs, *repository.schedule_defs]
    assert all(found.description for found in scheduled)
    assert {found.default_status.value for found in scheduled} == {"RUNNING"}
    zones = {found.execution_timezone for found in repository.schedule_defs}
    assert zones == {"Asia/Kolkata"}
    for asset in (sync_accounts, daily_books):
        assert asset.backfill_policy == dg.BackfillPolicy.single_run()


def test_long_runs_may_take_longer_than_ticks() -> None:
    repository = build_definitions().get_repository_def()
    limits = {
        name: repository.get_job(name).tags.get("dagster/max_runtime")
        for name in ("sync_job", "rebuild_history", "audit_books", "clear_history")
    }
    hours = str(4 * 3_600)
    assert limits == {
        "sync_job": None, "rebuild_history": hours, "audit_books": hours, "clear_history": hours,
    }  # fmt: skip
