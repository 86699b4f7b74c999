"""What Dagster watches: new accounts, failed accounts, failed runs.

What belongs here: sensors. What does not: what a sync does (``sync``).
"""

import json

import dagster as dg

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.defs import recording
from tradesync_dagster.defs.jobs import sync_job
from tradesync_dagster.defs.partitions import ACCOUNTS, accounts
from tradesync_dagster.sync.failing import RunFailure

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
    enabled = [account.key for account in services.store.accounts()]
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
    """Ask for a run of each account that the latest ticks could not sync."""
    ticks = recording.latest_ticks(context.instance)
    ids = {shard: tick.tick_id for shard, tick in ticks.items()}
    seen = _seen(context.cursor)
    new = {shard: tick_id for shard, tick_id in ids.items() if seen.get(shard) != tick_id}
    if not new:
        return dg.SkipReason("No tick has ended since the last look.")
    failed = {key: tick_id for shard, tick_id in new.items() for key in ticks[shard].failed}
    shown = recording.shown_failed(context.instance, failed)
    known = set(context.instance.get_dynamic_partitions(ACCOUNTS))
    asked = [key for key in failed if key in known and key not in shown][:MOST_ASKED]
    context.log.info("%d failed, %d asked for", len(failed), len(asked))
    requests = [dg.RunRequest(run_key=f"{key}:{failed[key]}", partition_key=key) for key in asked]
    reason = f"{len(failed)} accounts failed, {len(shown)} of them already shown."
    return dg.SensorResult(requests, None if requests else reason, cursor=json.dumps(seen | ids))


def _seen(cursor: str | None) -> dict[str, str]:
    """Read which tick of each shard was looked at; an older version kept one tick's id alone."""
    return dict(json.loads(cursor)) if cursor and cursor.startswith("{") else {}


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="For every run that fails, writes a line to the log and an alert to the outbox, "
    "and tells people at once; of each job once an hour.",
)
def run_failures(context: dg.RunFailureSensorContext, services: dg.ResourceParam[Services]) -> None:
    """Tell which run failed, for which account, and why."""
    run = context.dagster_run
    partition = run.tags.get("dagster/partition", "")
    causes = context.get_step_failure_events()
    context.log.error(
        "run %s of %s failed%s: %s",
        run.run_id,
        run.job_name,
        f" for {partition}" if partition else "",
        "; ".join(map(_cause, causes)) or context.failure_event.message,
    )
    reason = "; ".join(filter(None, map(_own_words, causes))) or "see the run's page in Dagster"
    failure = RunFailure(run.job_name, run.run_id, partition, reason)
    for sentence in services.tell_failure(failure):
        context.log.warning(sentence)


def _cause(event: dg.DagsterEvent) -> str:
    return _own_words(event) or event.step_failure_data.error_display_string


def _own_words(event: dg.DagsterEvent) -> str:
    """Return what our code says of a failure, or an error's name: its text may hold secrets."""
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    error = data.error.cause if data.error and data.error.cause else data.error
    return str(error.cls_name) if error else ""
