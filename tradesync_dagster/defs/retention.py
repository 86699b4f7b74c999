"""Clearing away old runs, so that Dagster's history does not grow with the desk for ever.

Runs of history and backfills stay: what they recorded is what Dagster knows of past days. What
belongs here: which runs go, and what goes with each. What does not: what ticks keep in the books
(``store.ticks``).
"""

from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.defs.runs import LONG_RUN

JOBS = (
    "sync_job",
    "monitor_orders",
    "retry_orders",
    "run_tasks",
    "moderate_fake_orders",
    "mark_fake_positions",
    "audit_books",
    "clear_history",
)
"""Those whose runs tell of a moment that nobody asks for later."""
_ENDED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]
_BATCH = 100


@dg.op(description="Deletes old runs with their events and output, and old records of syncs.")
def clear_old(context: dg.OpExecutionContext, services: dg.ResourceParam[Services]) -> None:
    """Delete what is older than ``TRADESYNC_RETENTION_DAYS``."""
    before = services.clock.now() - timedelta(days=services.settings.retention_days)
    runs = delete_runs(context.instance, before)
    rows = services.clear_ticks() | {"task_turns": services.tasks().forget()}
    context.add_output_metadata({"runs": runs, **rows})
    context.log.info("deleted what was older than %s: %d runs, %s", before, runs, rows)


@dg.job(
    executor_def=dg.in_process_executor,
    tags=LONG_RUN,
    description="Deletes runs of syncs, and what syncs wrote of themselves, once they are old.",
)
def clear_history() -> None:
    """Clear once."""
    clear_old()


def delete_runs(instance: dg.DagsterInstance, before: datetime) -> int:
    """Delete ended runs of ``JOBS`` with their events, files and output.

    Args:
        instance: Whose.
        before: Those made before this moment.

    Returns:
        How many.
    """
    deleted = 0
    for job in JOBS:
        old = dg.RunsFilter(job_name=job, statuses=_ENDED, created_before=before)
        while records := instance.get_run_records(old, limit=_BATCH, ascending=True):
            for record in records:
                delete_run(instance, record.dagster_run.run_id)
            deleted += len(records)
    return deleted


def delete_run(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete one run with everything that Dagster keeps of it."""
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    instance.delete_run(run_id)
    events = instance.event_log_storage
    # SQLite has a file for each run, which stays when its rows are gone.
    file = getattr(events, "path_for_shard", None)
    if file is not None:
        for name in (file(run_id), f"{file(run_id)}-wal", f"{file(run_id)}-shm"):
            Path(name).unlink(missing_ok=True)
