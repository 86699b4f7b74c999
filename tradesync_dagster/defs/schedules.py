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
from tradesync_dagster.defs.recording import KIND, TICK
from tradesync_dagster.domain.market_calendar import trade_date_of, trading_days
from tradesync_dagster.settings import load_settings

UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


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
) -> dg.RunRequest | dg.SkipReason:
    """Ask for a tick over all enabled accounts, unless one is under way."""
    running = dg.RunsFilter(job_name=sync_job.name, tags={KIND: TICK}, statuses=UNDER_WAY)
    records = context.instance.get_run_records(running, limit=1)
    if records:
        run_id = records[0].dagster_run.run_id
        return dg.SkipReason(f"The sync before this one (run {run_id}) is still under way.")
    accounts = _enabled(services)
    if not accounts:
        return dg.SkipReason("No account is enabled.")
    return dg.RunRequest(run_config=config_for(accounts), tags={KIND: TICK})


@dg.schedule(
    job=audit_books,
    name="audit_after_close",
    cron_schedule="30 16 * * 1-5",
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
    cron_schedule="45 16 * * 1-5",
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


def _enabled(services: Services) -> list[str]:
    return [account.key for account in services.store.accounts(enabled_only=True)]


def _day(context: dg.ScheduleEvaluationContext) -> date:
    return trade_date_of(context.scheduled_execution_time)


def _idle(day: date, services: Services) -> dg.SkipReason | None:
    if not trading_days(day, day):
        return dg.SkipReason(f"{day} is no trading day.")
    return None if _enabled(services) else dg.SkipReason("No account is enabled.")
