"""What schedules and sensors ask of runs, and give to them.

What belongs here: whether a run is under way, and the tags and the quiet that several jobs share.
What does not: the jobs (``jobs`` and the room of each), when they run (``schedules``, ``sensors``).
"""

from typing import Final

import dagster as dg

UNDER_WAY: Final = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
LONG_RUN: Final = {dg.MAX_RUNTIME_SECONDS_TAG: str(4 * 60 * 60)}
"""Lets a run go on for longer than the instance's limit, which is made for ticks."""
BEFORE_TICKS: Final = {"dagster/priority": "5"}
"""Of what is asked for every minute: ticks that wait in the queue let it go first."""
BEFORE_ALL: Final = {"dagster/priority": "10"}
"""Of what has a moment to keep."""
QUIET: Final = {"console": {"config": {"log_level": "WARNING"}}}
"""Keeps a frequent run's events, which are in the history, out of the files of its output."""


def run_under_way(
    instance: dg.DagsterInstance, job_name: str, tags: dict[str, str] | None = None
) -> str | None:
    """Return the id of a job's latest run that has not ended; ``None`` where all have.

    Args:
        instance: Where runs are recorded.
        job_name: The job.
        tags: Only runs that have them.
    """
    unended = dg.RunsFilter(job_name=job_name, tags=tags, statuses=UNDER_WAY)
    records = instance.get_run_records(unended, limit=1)
    return records[0].dagster_run.run_id if records else None
