"""What ``dagster`` loads: everything in ``defs``."""

from collections.abc import Mapping

import dagster as dg

from tradesync_dagster.defs.assets import sync_accounts
from tradesync_dagster.defs.changed_history import changed_history
from tradesync_dagster.defs.checks import replay_books
from tradesync_dagster.defs.history import daily_books
from tradesync_dagster.defs.jobs import audit_books, rebuild_history, sync_job
from tradesync_dagster.defs.moderation import (
    due_moderation,
    fake_orders,
    fake_positions,
    mark_fake_positions,
    mark_fake_positions_in_their_hour,
    moderate_fake_orders,
)
from tradesync_dagster.defs.monitor import monitor_every_minute, monitor_orders
from tradesync_dagster.defs.resources import services_resource
from tradesync_dagster.defs.retention import clear_history
from tradesync_dagster.defs.retries import retries_every_minute, retry_orders
from tradesync_dagster.defs.schedules import (
    audit_after_close,
    clear_history_daily,
    history_after_close,
    sync_every_five_minutes,
)
from tradesync_dagster.defs.sensors import account_discovery, failed_accounts, run_failures
from tradesync_dagster.defs.spikes import external_order_spikes
from tradesync_dagster.defs.tasks import run_tasks, task_turns, tasks_every_minute
from tradesync_dagster.defs.upkeep import ticks


def build_definitions(resource_overrides: Mapping[str, object] | None = None) -> dg.Definitions:
    """Put the code location together.

    Args:
        resource_overrides: Other resources by name, such as services made for a test.

    Returns:
        The definitions.
    """
    return dg.Definitions(
        assets=[ticks, sync_accounts, daily_books, fake_orders, fake_positions, task_turns],
        asset_checks=[replay_books],
        jobs=[
            sync_job,
            monitor_orders,
            retry_orders,
            rebuild_history,
            audit_books,
            clear_history,
            moderate_fake_orders,
            mark_fake_positions,
            run_tasks,
        ],
        schedules=[
            sync_every_five_minutes,
            monitor_every_minute,
            retries_every_minute,
            audit_after_close,
            history_after_close,
            clear_history_daily,
            mark_fake_positions_in_their_hour,
            tasks_every_minute,
        ],
        sensors=[
            account_discovery,
            failed_accounts,
            run_failures,
            external_order_spikes,
            due_moderation,
            changed_history,
        ],
        resources={"services": services_resource, **(resource_overrides or {})},
        executor=dg.in_process_executor,
    )


definitions = build_definitions()
