"""When accounts are synced, recorded and audited by themselves.

What belongs here: schedules. What does not: what a sync, a replay or a rebuild does (``sync``).
"""

from datetime import date

import dagster as dg

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.defs.jobs import (
    audit_books,
    config_for,
    history_config,
    rebuild_history,
    sync_job,
)
from tradesync_dagster.defs.recording import KIND, SHARD, TICK
from tradesync_dagster.defs.retention import clear_history
from tradesync_dagster.defs.runs import UNDER_WAY
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.shards import shards_of
from tradesync_dagster.settings import load_settings

TICK_TAGS = {KIND: TICK, dg.MAX_RUNTIME_SECONDS_TAG: str(15 * 60)}
"""Of a tick's runs; one that hangs ends after a quarter of an hour."""


@dg.schedule(
    job=sync_job,
    name="sync_every_five_minutes",
    cron_schedule=f"*/{load_settings().sync_interval_minutes} * * * *",
    execution_timezone="Asia/Kolkata",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Syncs all enabled accounts every five minutes, or as often as "
    "EXTERNAL_ORDER_SYNC_INTERVAL_MINUTES says. Skips a turn while the one before still runs.",
)
def sync_every_five_minutes(
    context: dg.ScheduleEvaluationContext, services: dg.ResourceParam[Services]
) -> list[dg.RunRequest] | dg.SkipReason:
    """Ask for a tick of each shard of the enabled accounts, unless its last one is under way."""
    enabled = services.store.accounts()
    if not enabled:
        return dg.SkipReason("No account is enabled.")
    running = _under_way(context.instance)
    shards = shards_of(enabled, services.settings.shard_size)
    waiting = [_still(shard, running[shard]) for shard in shards if shard in running]
    for sentence in waiting:
        context.log.warning(sentence)
    if len(waiting) == len(shards):
        return dg.SkipReason(" ".join(waiting))
    return [
        dg.RunRequest(
            run_key=f"{context.scheduled_execution_time.isoformat()}/{shard}",  # needed for several
            run_config=config_for(keys, shard),
            tags=TICK_TAGS | {SHARD: shard},
        )
        for shard, keys in shards.items()
        if shard not in running
    ]


def _under_way(instance: dg.DagsterInstance) -> dict[str, str]:
    """Find the ticks that have not ended: their runs by shard."""
    unended = dg.RunsFilter(job_name=sync_job.name, tags={KIND: TICK}, statuses=UNDER_WAY)
    runs = [record.dagster_run for record in instance.get_run_records(unended)]
    return {run.tags.get(SHARD, ""): run.run_id for run in runs}


def _still(shard: str, run_id: str) -> str:
    return f"The sync of shard {shard} before this one (run {run_id}) is still under way."


@dg.schedule(
    job=audit_books,
    name="audit_after_close",
    cron_schedule="30 16 * * *",
    execution_timezone="Asia/Kolkata",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="An hour after the close of each trading day, proves that every enabled account's "
    "books follow from its fills.",
)
def audit_after_close(
    context: dg.ScheduleEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.RunRequest | dg.SkipReason:
    """Ask for one audit of all enabled accounts."""
    return _idle(_day(context), services) or dg.RunRequest()


@dg.schedule(
    job=rebuild_history,
    name="history_after_close",
    cron_schedule="45 16 * * *",
    execution_timezone="Asia/Kolkata",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="After the close of each trading day, records it for every enabled account as the "
    "syncs have kept the books; it makes none anew, which would hide what the audit looks for.",
)
def history_after_close(
    context: dg.ScheduleEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.RunRequest | dg.SkipReason:
    """Ask for one run that records the day of all enabled accounts."""
    day = _day(context)
    config = history_config([], day, day, rebuild=False)
    return _idle(day, services) or dg.RunRequest(run_config=config)


@dg.schedule(
    job=clear_history,
    name="clear_history_daily",
    cron_schedule="15 3 * * *",
    execution_timezone="Asia/Kolkata",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every night, deletes runs of syncs and what syncs wrote of themselves, once they "
    "are older than TRADESYNC_RETENTION_DAYS.",
)
def clear_history_daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:  # noqa: ARG001 - Dagster's
    """Ask for one clearing."""
    return dg.RunRequest()


def _day(context: dg.ScheduleEvaluationContext) -> date:
    return trade_date_of(context.scheduled_execution_time)


def _idle(day: date, services: Services) -> dg.SkipReason | None:
    if services.settings.trading_hours.session(day) is None:
        return dg.SkipReason(f"{day} is no trading day.")
    return None if services.store.accounts() else dg.SkipReason("No account is enabled.")
