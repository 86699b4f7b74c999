"""Days whose books changed after they were recorded: recording them anew.

What belongs here: the sensor that asks for it. What does not: recording days (``history``), what
changed (``store``, which notes it with the books).
"""

import hashlib
from collections.abc import Mapping
from datetime import date

import dagster as dg

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.defs.jobs import history_config, rebuild_history
from tradesync_dagster.defs.partitions import HISTORY_START
from tradesync_dagster.defs.recording import KIND
from tradesync_dagster.defs.runs import run_under_way
from tradesync_dagster.domain.book_states import Unshown
from tradesync_dagster.domain.market_calendar import trade_date_of

CHANGED = "changed_days"


@dg.sensor(
    job_name=rebuild_history.name,  # the job itself would raise a warning of Dagster's own making
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Records past days anew where a late, corrected or annulled fill, an import or any "
    "other fact changed an account's books: one run for all such accounts, from the first day "
    "that changed to the last trading day. Today is left to history_after_close.",
)
def changed_history(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.RunRequest | dg.SkipReason:
    """Ask for one run over the rectangle of accounts and days that changed."""
    today = trade_date_of(services.clock.now())
    hours = services.settings.trading_hours
    last = hours.previous_trading_day(today)
    past = {key: one for key, one in services.unshown().items() if one.since <= last}
    made = {key: one for key, one in past.items() if not one.stale}
    days = hours.trading_days(max(_first(made), HISTORY_START), last) if made else []
    if not days:
        waiting = f" {len(past)} accounts wait for their books to be made." if past else ""
        return dg.SkipReason(f"No past day changed since it was recorded.{waiting}")
    if run_under_way(context.instance, rebuild_history.name, {KIND: CHANGED}):
        return dg.SkipReason("The run that records the last changes is still under way.")
    context.log.info("%d accounts changed, the first on %s", len(made), days[0])
    return dg.RunRequest(
        # A run that failed is not asked for again before the next change, or the next day.
        run_key=f"{today}:{_digest(made)}",
        run_config=history_config(sorted(made), days[0], days[-1], rebuild=False),
        tags={KIND: CHANGED},
    )


def _first(changed: Mapping[str, Unshown]) -> date:
    return min(one.since for one in changed.values())


def _digest(changed: Mapping[str, Unshown]) -> str:
    told = sorted((key, one.changes) for key, one in changed.items())
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]
