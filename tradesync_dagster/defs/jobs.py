"""The jobs that people and schedules launch.

What belongs here: jobs and the run configuration they take. What does not: when they run
(``schedules``, ``sensors``).
"""

from collections.abc import Sequence

import dagster as dg

from tradesync_dagster.defs.assets import SyncConfig, sync_accounts

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


def config_for(accounts: Sequence[str]) -> dg.RunConfig:
    """Write the run configuration of a tick.

    Args:
        accounts: ``ORG/ACCOUNT`` keys.

    Returns:
        Configuration for ``sync_job``.
    """
    return dg.RunConfig(ops={sync_accounts.op.name: SyncConfig(accounts=list(accounts))})
