"""Which runs of moderation are alive, and until when they serve.

A run that waits says every few seconds that it is alive: one whose machine went down is followed by
another within half a minute. What belongs here: the tags that say so, and reading them. What does
not: which run is asked for (``domain.moderation``), asking (``defs.moderation``).
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from tradesync_dagster.defs.runs import UNDER_WAY
from tradesync_dagster.domain.ports import Clock

DUE = "tradesync/due"
UNTIL = "tradesync/moderates_until"
ALIVE = "tradesync/alive_until"
STARTING = timedelta(seconds=120)
"""How long a run may take from being asked for to its first sign of life."""
_BELIEVED = timedelta(seconds=20)
"""How long a sign of life counts."""
_BEAT_SECONDS = 3.0
_MOST_RUNS = 50
"""Runs under way that are looked at; ``dagster.yaml`` lets only a few go on at a time."""


def served_until(instance: dg.DagsterInstance, job_name: str, now: datetime) -> datetime | None:
    """Return until when runs serve that are alive or in the queue; ``None`` if none does.

    Args:
        instance: Holds the runs.
        job_name: Of the job that moderates.
        now: UTC.
    """
    running = dg.RunsFilter(job_name=job_name, statuses=UNDER_WAY)
    runs = [one.dagster_run for one in instance.get_run_records(running, limit=_MOST_RUNS)]
    ends = [
        datetime.fromisoformat(run.tags[UNTIL])
        for run in runs
        if UNTIL in run.tags and (run.status is dg.DagsterRunStatus.QUEUED or _alive(run, now))
    ]
    return max((end for end in ends if end > now), default=None)


@contextmanager
def signs_of_life(
    context: dg.AssetExecutionContext, clock: Clock, sensor_name: str
) -> Iterator[Callable[[], bool]]:
    """Say every few seconds that a run is alive, and look whether its sensor is still on.

    Args:
        context: Of the run.
        clock: Of the signs.
        sensor_name: The sensor that asked for the run.

    Yields:
        Whether the run shall go on: until somebody switches the sensor off.
    """
    ended, stopped = threading.Event(), threading.Event()

    def beat() -> None:
        while not ended.wait(_BEAT_SECONDS):
            try:
                alive = {ALIVE: (clock.now() + _BELIEVED).isoformat()}
                context.instance.add_run_tags(context.run.run_id, alive)
                if is_off(context.instance, sensor_name):
                    stopped.set()
            except SQLAlchemyError as error:
                # The next beat says it; without any, another run comes, which does no harm.
                context.log.warning("no sign of life could be written: %s", error)

    # On a thread of its own, so that Dagster's storage never holds up an order.
    thread = threading.Thread(target=beat, name="signs of life", daemon=True)
    thread.start()
    try:
        yield lambda: not stopped.is_set()
    finally:
        ended.set()
        thread.join()


def is_off(instance: dg.DagsterInstance, sensor_name: str) -> bool:
    """Whether somebody has switched a sensor off; one that nobody touched is as its code says."""
    states = instance.all_instigator_state()
    return any(one.instigator_name == sensor_name and not one.is_running for one in states)


def _alive(run: dg.DagsterRun, now: datetime) -> bool:
    said = run.tags.get(ALIVE)
    return said is not None and datetime.fromisoformat(said) > now
