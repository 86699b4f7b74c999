"""Old runs go with all that Dagster keeps of them; runs of history stay."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.defs.jobs import history_config
from tradesync_dagster.defs.retention import JOBS, delete_runs
from tradesync_dagster.domain.market_calendar import trade_date_of

Call = Callable[..., dg.ExecuteInProcessResult]


def files(instance: dg.DagsterInstance, run_id: str) -> list[Path]:
    return list(Path(instance.root_directory).rglob(f"*{run_id}*"))


def test_old_runs_are_deleted_with_their_events_and_files(
    instance: dg.DagsterInstance, services: Any, tick: Call
) -> None:
    first = tick(services).run_id
    day = trade_date_of(services.clock.now())
    history = build_definitions({"services": services}).resolve_job_def("rebuild_history")
    kept = history.execute_in_process(
        instance=instance, run_config=history_config([], day, day, rebuild=False)
    ).run_id
    running = instance.create_run_for_job(
        build_definitions({"services": services}).resolve_job_def("sync_job"),
        status=dg.DagsterRunStatus.STARTED,
    ).run_id
    record = instance.get_run_record_by_id(first)
    assert record is not None
    assert files(instance, first), "SQLite has a file for each run"
    assert delete_runs(instance, record.create_timestamp - timedelta(seconds=1)) == 0
    assert delete_runs(instance, record.create_timestamp + timedelta(hours=1)) == 1
    assert not instance.has_run(first)
    assert files(instance, first) == []
    assert instance.has_run(kept)
    assert instance.has_run(running)
    partition = dg.AssetKey("order_book")
    assert instance.get_materialized_partitions(partition) == set()
    tick(services)
    assert len(instance.get_materialized_partitions(partition)) == 3, (
        "the next tick shows them anew"
    )


def test_runs_of_every_job_go_but_those_of_history() -> None:
    jobs = {job.name for job in build_definitions().resolve_all_job_defs()}
    assert {name for name in jobs if not name.startswith("__")} - {*JOBS} == {"rebuild_history"}
    assert jobs >= {*JOBS}
