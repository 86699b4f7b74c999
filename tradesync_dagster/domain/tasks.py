"""The desk's tasks of a trading day, and what becomes of each turn of theirs.

A turn is one task of one account in one slot: a day, an hour of it, or for a continuous task the
day with the minute that it has come to. What belongs here: these values. What does not: when a
turn is due (``task_schedules``), doing it (``sync.tasks``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Task(StrEnum):
    """What is done by itself, in the order of a day."""

    PREMARKET_RETRY = "premarket_retry"
    PREMARKET_AMO_ADJUSTMENT = "premarket_amo_adjustment"
    SELL_MONITOR = "sell_monitor"
    POSITION_MONITOR = "position_monitor"
    ANALYSIS = "analysis"
    BUY_ORDERS = "buy_orders"
    EOD_CLEANUP = "eod_cleanup"


class TurnState(StrEnum):
    """Where a turn stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    MISSED = "missed"
    """Nobody began it within its grace."""
    INTERRUPTED = "interrupted"
    """Whoever began it ended without a word, and its grace is over."""

    @property
    def is_untold(self) -> bool:
        """Whether it was not done, and nobody but an alert would tell."""
        return self in (TurnState.MISSED, TurnState.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn as it is stored, one an account, task and slot.

    Attributes:
        slot: ``2026-11-20``, or ``2026-11-20T09`` for a task that runs hourly; in Asia/Kolkata.
        due_at: When it was due, UTC; of a continuous task the minute that it has come to.
        lease_until: Until when whoever began it is believed to be at it, UTC.
        attempts: How often it was begun: it is claimed by the number that was read.
        detail: What came of it, JSON-ready, no floats.
    """

    account_id: int
    task: Task
    slot: str
    due_at: datetime
    state: TurnState
    started_at: datetime | None = None
    lease_until: datetime | None = None
    ended_at: datetime | None = None
    attempts: int = 0
    words: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[int, Task, str]:
        """What names it."""
        return self.account_id, self.task, self.slot

    def is_held(self, now: datetime) -> bool:
        """Tell whether somebody is at it."""
        running = self.state is TurnState.RUNNING
        return running and self.lease_until is not None and now < self.lease_until


@dataclass(frozen=True, slots=True)
class Due:
    """A turn that is to be begun, or to be recorded as not done.

    Attributes:
        attempts: Of the turn as it was read; 0 where there was none.
        interrupted: Whether somebody had begun it.
    """

    account_id: int
    task: Task
    slot: str
    due_at: datetime
    attempts: int = 0
    interrupted: bool = False

    @property
    def key(self) -> tuple[int, Task, str]:
        """What names it."""
        return self.account_id, self.task, self.slot
