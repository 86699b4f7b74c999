"""When accounts are synced by themselves.

What belongs here: schedules. What does not: what a sync does (``sync``).
"""

import dagster as dg

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.defs.jobs import config_for, sync_job
from tradesync_dagster.defs.recording import KIND, TICK
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
    accounts = [account.key for account in services.store.accounts(enabled_only=True)]
    if not accounts:
        return dg.SkipReason("No account is enabled.")
    return dg.RunRequest(run_config=config_for(accounts), tags={KIND: TICK})
