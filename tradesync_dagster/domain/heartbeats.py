"""Signs of life of services, one an account and service.

Whoever beats says until when that is to be believed, since only he knows when he means to come
again. What belongs here: the value, its Protocol, and how long the order monitor is quiet. What
does not: telling of silence (``sync.tasks``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from tradesync_dagster.domain.expiry import is_watching
from tradesync_dagster.domain.trading_hours import TradingHours

SYNC, MONITOR, TASKS = "sync", "monitor", "tasks"
_PATIENCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign that a service works for an account.

    Attributes:
        service: ``sync``, ``monitor`` or ``tasks``.
        began_at: Of the first, or since when the account is enabled again, UTC.
        beat_at: Of the last, UTC.
        good_until: When the next one should have come, UTC: whoever beats says so.
    """

    account_id: int
    service: str
    began_at: datetime
    beat_at: datetime
    good_until: datetime

    def is_stale(self, now: datetime) -> bool:
        """Tell whether the next beat should have come."""
        return now > self.good_until


class HeartbeatRows(Protocol):
    """Signs of life."""

    def beat(
        self, account_ids: Sequence[int], service: str, at: datetime, good_until: datetime
    ) -> None:
        """Say that a service works for accounts, and until when to believe it."""
        ...

    def heartbeats(self, account_ids: Sequence[int]) -> list[Heartbeat]:
        """Read signs of life by account and service."""
        ...


def monitor_good_until(now: datetime, hours: TradingHours) -> datetime:
    """Say by when the order monitor, which watches within sessions, shall have looked again.

    Args:
        now: When it looks, UTC.
        hours: When the exchanges are open.

    Returns:
        UTC; after the day's watch, the next opening and a while.
    """
    soon = now + _PATIENCE
    if is_watching(soon, hours):
        return soon
    return max(soon, hours.session_for(soon).opens_at + _PATIENCE)
