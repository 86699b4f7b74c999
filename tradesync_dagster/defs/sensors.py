"""What Dagster watches: new accounts, failed accounts, failed runs.

What belongs here: sensors. What does not: what a sync does (``sync``).
"""

import dagster as dg

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.defs import recording
from tradesync_dagster.defs.jobs import sync_job
from tradesync_dagster.defs.partitions import ACCOUNTS, accounts

MOST_ASKED = 20
"""Most single-account runs asked for after one tick: with a broker down, each would only say so."""


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Makes a partition of every enabled account, and removes those of accounts that "
    "were disabled or deleted.",
)
def account_discovery(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.SensorResult | dg.SkipReason:
    """Compare the store's enabled accounts with the partitions."""
    enabled = [account.key for account in services.store.accounts(enabled_only=True)]
    known = context.instance.get_dynamic_partitions(ACCOUNTS)
    new = [key for key in enabled if key not in set(known)]
    gone = [key for key in known if key not in set(enabled)]
    if not new and not gone:
        return dg.SkipReason(f"All {len(enabled)} enabled accounts are known.")
    changes: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if new:
        changes.append(accounts.build_add_request(new))
    if gone:
        changes.append(accounts.build_delete_request(gone))
    done = f"{len(new)} accounts added, {len(gone)} removed."
    return dg.SensorResult(dynamic_partitions_requests=changes, skip_reason=done)


@dg.sensor(
    job=sync_job,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="After a tick, syncs each account that failed once more in a run of its own, so "
    "that exactly its partition shows failed. Accounts already shown so wait for the next tick.",
)
def failed_accounts(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Ask for a run of each account that the latest tick could not sync."""
    tags = recording.latest_tick(context.instance)
    tick_id = tags.get(recording.TICK_ID)
    if not tick_id or tick_id == context.cursor:
        return dg.SkipReason("No tick has ended since the last look.")
    failed = recording.listed(tags, recording.FAILED_ACCOUNTS)
    shown = recording.shown_failed(context.instance, failed)
    known = set(context.instance.get_dynamic_partitions(ACCOUNTS))
    asked = [key for key in failed if key in known and key not in shown][:MOST_ASKED]
    context.log.info("tick %s: %d failed, %d asked for", tick_id, len(failed), len(asked))
    requests = [dg.RunRequest(run_key=f"{key}:{tick_id}", partition_key=key) for key in asked]
    reason = f"Tick {tick_id}: {len(failed)} accounts failed, {len(shown)} of them already shown."
    return dg.SensorResult(requests, None if requests else reason, cursor=tick_id)


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes a line to the log for every run that fails.",
)
def run_failures(context: dg.RunFailureSensorContext) -> None:
    """Log which run failed, for which accounts, and why."""
    run = context.dagster_run
    account = run.tags.get("dagster/partition")
    context.log.error(
        "run %s of %s failed%s: %s",
        run.run_id,
        run.job_name,
        f" for {account}" if account else "",
        "; ".join(_causes(context)) or context.failure_event.message,
    )


def _causes(context: dg.RunFailureSensorContext) -> list[str]:
    found = [event.step_failure_data for event in context.get_step_failure_events()]
    return [
        data.user_failure_data.description or data.error_display_string
        if data.user_failure_data
        else data.error_display_string
        for data in found
    ]
