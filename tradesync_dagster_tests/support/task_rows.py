"""One row of each of the tasks' tables."""

from datetime import date, datetime, timedelta

from tradesync_dagster.domain.mandates import Exit, Mandate, Signal
from tradesync_dagster.domain.tasks import Due, Task
from tradesync_dagster.domain.twins import Route
from tradesync_dagster.store.store import SqlUnitOfWork

MANDATE = Mandate(1, "trend", "dip", 10**11, options={"days": "20"})
SIGNAL = Signal(1, "trend", date(2026, 3, 2), "NSE", "INFY", 1_500_050_000, words="it fell")


def write_tasks(work: SqlUnitOfWork, at: datetime) -> None:
    """Write them; again changes nothing."""
    work.claim(Due(1, Task.ANALYSIS, "2026-03-02", at), at, at + timedelta(minutes=15))
    work.beat([1], "sync", at, at + timedelta(minutes=15))
    work.put_mandate(MANDATE, "asha", at)
    work.add_signals([SIGNAL])
    work.put_exits([Exit(1, "trend", "NSE", "INFY", "CNC", 2, 1, at)])
    work.put_route(Route(1, 2, "paper", "asha", at))
