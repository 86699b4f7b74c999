"""What ``dagster`` loads: everything in ``defs``."""

from collections.abc import Mapping

import dagster as dg

from tradesync_dagster.defs.assets import sync_accounts
from tradesync_dagster.defs.checks import replay_books
from tradesync_dagster.defs.history import daily_books
from tradesync_dagster.defs.jobs import audit_books, rebuild_history, sync_job
from tradesync_dagster.defs.resources import services_resource
from tradesync_dagster.defs.schedules import (
    audit_after_close,
    history_after_close,
    sync_every_five_minutes,
)
from tradesync_dagster.defs.sensors import account_discovery, failed_accounts, run_failures
from tradesync_dagster.defs.spikes import external_order_spikes


def build_definitions(resource_overrides: Mapping[str, object] | None = None) -> dg.Definitions:
    """Put the code location together.

    Args:
        resource_overrides: Other resources by name, such as services made for a test.

    Returns:
        The definitions.
    """
    return dg.Definitions(
        assets=[sync_accounts, daily_books],
        asset_checks=[replay_books],
        jobs=[sync_job, rebuild_history, audit_books],
        schedules=[sync_every_five_minutes, audit_after_close, history_after_close],
        sensors=[account_discovery, failed_accounts, run_failures, external_order_spikes],
        resources={"services": services_resource, **(resource_overrides or {})},
        executor=dg.in_process_executor,
    )


definitions = build_definitions()
