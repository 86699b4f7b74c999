"""The order monitor in Dagster: once a minute while the exchanges are open.

What belongs here: its job, its schedule, and how a cycle reads. What does not: what a cycle does
(``sync.monitoring``), when orders are watched (``domain.expiry``).
"""

import dagster as dg
from pydantic import Field

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.defs.runs import BEFORE_TICKS, QUIET, run_under_way
from tradesync_dagster.sync.monitoring import Cycle

CYCLE = {dg.MAX_RUNTIME_SECONDS_TAG: str(5 * 60), **BEFORE_TICKS}
"""Of a cycle's runs; one that hangs ends after five minutes, so that the next one catches up."""


class MonitorConfig(dg.Config):
    """What a cycle looks at.

    Attributes:
        accounts: ``ORG/ACCOUNT`` keys, looked at in any case; where empty, all enabled accounts
            with orders that a broker may be working.
    """

    accounts: list[str] = Field(default_factory=list)


@dg.op(description="Looks once at the orders that brokers may be working.")
def watch_orders(
    context: dg.OpExecutionContext, config: MonitorConfig, services: dg.ResourceParam[Services]
) -> None:
    """Run a cycle and record it where anybody looks for orders."""
    monitoring = services.monitoring()
    cycle = monitoring.cycle(config.accounts or None)
    for key, errors in cycle.errors.items():
        context.log.warning("%s: %s", key, "; ".join(errors))
    statuses = monitoring.statistics()["statuses"]
    context.log_event(observation(cycle, statuses))


@dg.job(
    executor_def=dg.in_process_executor,
    description="One cycle of the order monitor: order books of accounts with open orders, trades "
    "where fills moved, what was done by hand, and the end of the day.",
)
def monitor_orders() -> None:
    """Look once."""
    watch_orders()


@dg.schedule(
    job=monitor_orders,
    cron_schedule="* * * * *",
    execution_timezone="Asia/Kolkata",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Looks at open orders every minute of a trading session, and until the end of the "
    "day's orders is known. Special sessions count. Skips a turn while the one before still runs, "
    "for the next one sees all that happened since, and where no account has an open order.",
)
def monitor_every_minute(
    context: dg.ScheduleEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.RunRequest | dg.SkipReason:
    """Ask for a cycle, unless nothing trades, the last one is under way, or no order is open."""
    if not services.monitoring().is_due(context.scheduled_execution_time):
        return dg.SkipReason("No session is on, or the order monitor is switched off.")
    run_id = run_under_way(context.instance, monitor_orders.name)
    if run_id:
        return dg.SkipReason(f"The cycle before this one (run {run_id}) is still under way.")
    if not services.monitoring().has_orders():
        return dg.SkipReason("No enabled account has an order that its broker may be working.")
    return dg.RunRequest(run_config=dg.RunConfig(loggers=QUIET), tags=CYCLE)


def observation(cycle: Cycle, statuses: dict[str, int]) -> dg.AssetObservation:
    """Write a cycle as an event of the asset ``orders``, whose page plots the figures.

    Args:
        cycle: What came of it.
        statuses: How many of the day's orders have each status.
    """
    return dg.AssetObservation(
        asset_key="orders",
        description=f"{len(cycle.asked)} accounts watched, {len(cycle.changed)} changed",
        metadata={
            **{f"orders_{name}": count for name, count in statuses.items()},
            **{f"went_{name}": count for name, count in sorted(cycle.moves.items())},
            "accounts_watched": len(cycle.asked),
            "accounts_changed": len(cycle.changed),
            "changed_by_hand": cycle.by_hand,
            "errors": sum(map(len, cycle.errors.values())) + len(cycle.publish_errors),
            "seconds": dg.MetadataValue.float(round(cycle.seconds, 3)),
            "seconds_beyond_brokers": dg.MetadataValue.float(
                round(cycle.seconds - cycle.waited, 3)
            ),
        },
    )
