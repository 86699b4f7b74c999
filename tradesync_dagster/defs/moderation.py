"""Fake orders in Dagster: moderated by a sensor's runs at their hour, marked by a schedule's.

The sensor asks ahead of time, and the run waits inside for the exact moment: a run takes seconds to
start. What belongs here: assets, jobs, sensor, schedule. What does not: deciding and claiming
(``sync.moderating``), which stretches a run serves (``domain.moderation``).
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.bootstrap.moderation_control import SENSOR
from tradesync_dagster.defs.desk_pages import page_link
from tradesync_dagster.defs.moderation_watch import (
    ALIVE,
    DUE,
    STARTING,
    UNTIL,
    served_until,
    signs_of_life,
)
from tradesync_dagster.defs.runs import BEFORE_ALL, run_under_way
from tradesync_dagster.defs.upkeep import OWNERS
from tradesync_dagster.domain.fake_orders import FakeOrderStatus
from tradesync_dagster.domain.moderation import Window, may_try_again, window_wanted
from tradesync_dagster.domain.money import PRICE_UNIT, format_price
from tradesync_dagster.settings import load_settings
from tradesync_dagster.sync.moderating import Moderated

_MOST_HOURS = 100


class ModerationConfig(dg.Config):
    """What a run moderates.

    Attributes:
        until: ISO 8601 moment of UTC until which it serves; only what is due now when empty.
        organization_id: With an empty ``until``: only this organization's; all when empty.
    """

    until: str = ""
    organization_id: str = ""


@dg.asset(
    group_name="fake_orders",
    owners=OWNERS,
    kinds={"sql"},
    output_required=False,
    description="Virtual energy trades, each approved or rejected at its hour. Recorded when a run "
    "has decided some: how many, by due time, and how long after their hours.",
)
def fake_orders(
    context: dg.AssetExecutionContext,
    config: ModerationConfig,
    services: dg.ResourceParam[Services],
) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """Moderate, waiting for each due time."""
    moderation = services.moderation()
    if config.until:
        until = datetime.fromisoformat(config.until).astimezone(UTC)
        with signs_of_life(context, services.clock, SENSOR) as wanted:
            done = moderation.serve(until, wanted)
    else:
        done = moderation.decide_due(config.organization_id or None)
    context.log.info("%d fake orders moderated: %s", done.total, done.counts)
    if done.total:
        yield dg.MaterializeResult(metadata=figures(done))


@dg.asset(
    deps=[fake_orders],
    group_name="fake_orders",
    owners=OWNERS,
    kinds={"sql"},
    output_required=False,
    description="Approved fake orders as positions, marked at the real-time price through their "
    "hour. The plot is the P&L of the last day's hours.",
)
def fake_positions(services: dg.ResourceParam[Services]) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """Mark what is due."""
    moderation = services.moderation()
    done = moderation.mark()
    if done.orders:
        positions, pnl = moderation.totals()
        yield dg.MaterializeResult(
            metadata={
                "positions": positions,
                "marked": done.orders,
                "marks": done.marks,
                "pnl": format_price(pnl),
                # A plot takes numbers only; the exact sum stands beside it.
                "pnl_plot": dg.MetadataValue.float(pnl / PRICE_UNIT),
                **page_link("/fake-orders"),
            }
        )


moderate_fake_orders = dg.define_asset_job(
    "moderate_fake_orders",
    selection=dg.AssetSelection.assets(fake_orders),
    executor_def=dg.in_process_executor,
    description="Moderates fake orders: what is due now, or with `until` each at its due time.",
)
mark_fake_positions = dg.define_asset_job(
    "mark_fake_positions",
    selection=dg.AssetSelection.assets(fake_positions),
    executor_def=dg.in_process_executor,
    description="Marks approved fake orders at the real-time price.",
)


@dg.sensor(
    job=moderate_fake_orders,
    name=SENSOR,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks a minute and a half ahead for pending fake orders, and asks for a run where "
    "none that is alive serves them, or will soon end while orders keep coming. The run waits for "
    "each moment itself.",
)
def due_moderation(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.RunRequest | dg.SkipReason:
    """Ask for the run that is missing."""
    moderation, now = services.moderation(), services.clock.now()
    due, created = moderation.next_due(), moderation.lately_created()
    if due is None and created is None:
        return dg.SkipReason("No fake order is due soon, and none was created lately.")
    served = served_until(context.instance, moderate_fake_orders.name, now)
    beyond = due if served is None else moderation.next_due(after=served)
    window = window_wanted(beyond, created, served, now)
    if window is None:
        return dg.SkipReason(f"A run that is alive serves until {served}.")
    request = _request(context.instance, window, now)
    return request or dg.SkipReason(f"Runs for {window.due} fail; the next comes after a minute.")


@dg.schedule(
    job=mark_fake_positions,
    name="mark_fake_positions_in_their_hour",
    cron_schedule=f"*/{load_settings().moderation_mark_minutes} * * * *",
    execution_timezone="Asia/Kolkata",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Marks approved fake orders as often as TRADESYNC_MODERATION_MARK_MINUTES says; "
    "skips a turn while there is none in its hour.",
)
def mark_fake_positions_in_their_hour(
    context: dg.ScheduleEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.RunRequest | dg.SkipReason:
    """Ask for one run that marks what is due, unless one is under way."""
    if not services.moderation().marks_are_due():
        return dg.SkipReason("No approved fake order is to be marked.")
    if run_under_way(context.instance, mark_fake_positions.name):
        return dg.SkipReason("The marking before this one is still under way.")
    return dg.RunRequest()


def figures(done: Moderated) -> dict[str, dg.MetadataValue | int]:
    """Write what a run came to as metadata; plots show its numbers over time."""
    late = sorted(done.late)
    counts = {status.lower(): done.counts.get(status, 0) for status in FakeOrderStatus}
    hours = [
        dg.TableRecord({"hour_start_utc": f"{hour:%Y-%m-%d %H:%M:%S}", "orders": count})
        for hour, count in sorted(done.hours.items())[:_MOST_HOURS]
    ]
    return {
        **{name: count for name, count in counts.items() if name != "pending"},
        "late_p50_seconds": dg.MetadataValue.float(round(late[len(late) // 2], 3)),
        "late_p99_seconds": dg.MetadataValue.float(round(late[len(late) * 99 // 100], 3)),
        "late_worst_seconds": dg.MetadataValue.float(round(late[-1], 3)),
        "hours": dg.MetadataValue.table(hours),
        **page_link("/fake-orders"),
    }


def _request(instance: dg.DagsterInstance, window: Window, now: datetime) -> dg.RunRequest | None:
    """Ask for a window's run; the number of runs that its due time has had is in the key.

    So a killed run has a successor, and orders created after a run has ended have a run of their
    own, while two looks at the same moment ask for the same one.
    """
    due = window.due.isoformat()
    had = dg.RunsFilter(job_name=moderate_fake_orders.name, tags={DUE: due})
    attempts = instance.get_runs_count(had)
    if not may_try_again(attempts, _failed_at(instance, had), now):
        return None
    until = window.until.isoformat()
    config = ModerationConfig(until=until)
    return dg.RunRequest(
        run_key=f"{due}:{attempts}",
        run_config=dg.RunConfig(ops={fake_orders.op.name: config}),
        tags={DUE: due, UNTIL: until, ALIVE: (now + STARTING).isoformat(), **BEFORE_ALL},
    )


def _failed_at(instance: dg.DagsterInstance, runs: dg.RunsFilter) -> datetime | None:
    for record in instance.get_run_records(runs, limit=1):
        if record.end_time and record.dagster_run.status is dg.DagsterRunStatus.FAILURE:
            return datetime.fromtimestamp(record.end_time, UTC)
    return None
