"""The jobs that people and schedules launch.

What belongs here: jobs and the run configuration they take. What does not: when they run
(``schedules``, ``sensors``).
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg

from tradesync_dagster.defs.assets import SyncConfig, sync_accounts
from tradesync_dagster.defs.checks import replay_books
from tradesync_dagster.defs.history import SpanConfig, rebuild_days
from tradesync_dagster.defs.runs import LONG_RUN, QUIET

sync_job = dg.define_asset_job(
    name="sync_job",
    # The check's answers are recorded with each account; planning them too would show every
    # account that a tick found unchanged as skipped.
    selection=dg.AssetSelection.assets(sync_accounts).without_checks(),
    executor_def=dg.in_process_executor,
    description="Brings accounts up to date: the broker's book, external orders, orders, "
    "positions, holdings, snapshots. Takes its accounts from partitions or from its config; "
    "with neither it syncs all that are enabled.",
)

audit_books = dg.define_asset_job(
    name="audit_books",
    selection=dg.AssetSelection.checks(replay_books),
    executor_def=dg.in_process_executor,
    tags=LONG_RUN,
    description="Proves that the stored books follow from the fills. Takes its accounts from its "
    "config; without any it replays all that are enabled.",
)


@dg.job(
    executor_def=dg.in_process_executor,
    tags=LONG_RUN,
    description="Makes the books of a range of days anew, for any accounts in one run and one "
    "pass, and records every account's days as daily_positions and daily_holdings.",
)
def rebuild_history() -> None:
    """Make days anew by config, where a backfill by partitions would become several runs."""
    rebuild_days()


def config_for(accounts: Sequence[str], shard: str = "") -> dg.RunConfig:
    """Write the run configuration of a tick.

    Args:
        accounts: ``ORG/ACCOUNT`` keys.
        shard: Which part of all accounts they are.

    Returns:
        Configuration for ``sync_job``.
    """
    config = SyncConfig(accounts=list(accounts), shard=shard)
    return dg.RunConfig(ops={sync_accounts.op.name: config}, loggers=QUIET)


def history_config(
    accounts: Sequence[str], since: date, until: date, *, rebuild: bool
) -> dg.RunConfig:
    """Write the run configuration of a stretch of history.

    Args:
        accounts: ``ORG/ACCOUNT`` keys; all enabled accounts when empty.
        since: The first day.
        until: The last day.
        rebuild: Whether to make the books anew, or only record them.

    Returns:
        Configuration for ``rebuild_history``.
    """
    span = SpanConfig(accounts=list(accounts), since=str(since), until=str(until), rebuild=rebuild)
    return dg.RunConfig(ops={rebuild_days.name: span})
