"""What a transaction offers to the desk's tasks: schedules, turns, mandates.

What belongs here: the Protocols. What does not: SQL (``store.tasks``, ``store.mandates``).
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Protocol

import pandas as pd

from tradesync_dagster.domain.mandates import Exit, Mandate, Signal
from tradesync_dagster.domain.task_schedules import Schedule
from tradesync_dagster.domain.tasks import Due, Turn


class TaskRows(Protocol):
    """Schedules and turns."""

    def schedules(self) -> list[Schedule]:
        """Read all schedules."""
        ...

    def put_schedule(self, schedule: Schedule) -> None:
        """Insert or replace one."""
        ...

    def drop_schedule(self, scope: str, task: str) -> bool:
        """Delete one, so that a wider one holds again; tell whether it was there."""
        ...

    def turns(self, account_ids: Sequence[int], since: datetime) -> list[Turn]:
        """Read the turns that were due from a moment on, latest first."""
        ...

    def claim(self, wanted: Due, now: datetime, lease_until: datetime) -> bool:
        """Begin a turn, unless somebody else did since it was read."""
        ...

    def end_turn(self, turn: Turn) -> bool:
        """Write what came of a turn; not where somebody else has it by now."""
        ...

    def miss(self, missed: Due, now: datetime) -> bool:
        """Record that a turn was not done; tell whether that is new."""
        ...

    def forget_turns(self, before: datetime) -> int:
        """Delete the turns that were due before a moment."""
        ...


class MandateRows(Protocol):
    """Mandates, signals and exits."""

    def mandates(self, account_ids: Sequence[int]) -> list[Mandate]:
        """Read mandates by account and strategy."""
        ...

    def put_mandate(self, mandate: Mandate, who: str, at: datetime) -> None:
        """Insert or replace one."""
        ...

    def signals(self, account_id: int, since: date) -> list[Signal]:
        """Read an account's signals made on a day or later, the latest and best first."""
        ...

    def add_signals(self, signals: Iterable[Signal]) -> None:
        """Insert signals that are not there yet."""
        ...

    def put_signals(self, signals: Iterable[Signal]) -> None:
        """Bring signals up to date."""
        ...

    def price_history(self, since: date, until: date) -> pd.DataFrame:
        """Read the days' last prices of a range, both ends included, oldest first.

        Returns:
            ``exchange``, ``symbol``, ``trade_date`` (a date) and ``price`` (millionths).
        """
        ...

    def exits(self, account_id: int) -> list[Exit]:
        """Read when an account's strategies get out."""
        ...

    def put_exits(self, exits: Iterable[Exit]) -> None:
        """Insert or replace exits."""
        ...

    def drop_exits(self, exits: Iterable[Exit]) -> None:
        """Delete exits."""
        ...
