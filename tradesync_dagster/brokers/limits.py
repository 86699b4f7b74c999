"""How often an account may ask its broker: windows, turns and holds.

What belongs here: counting an account's requests against its broker's published limits. What does
not: the limits themselves (each adapter declares its own), what a refusal means (``transport``).
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tradesync_dagster.domain.ports import Clock

_SLACK = 0.05
"""Seconds added to every window, since requests do not all take equally long to arrive."""
_LONGEST_HOLD = 300.0
"""Longest hold in seconds, so that one absurd Retry-After does not silence an account for days."""


class Window(NamedTuple):
    """Most requests of one account in any stretch of time.

    Attributes:
        requests: How many.
        seconds: How long.
        writes: Whether only placements, changes and cancellations count.
    """

    requests: int
    seconds: float
    writes: bool = False


DEFAULT_WINDOWS = (Window(10, 1.0),)
"""For an adapter that declares none."""


@dataclass(slots=True)
class _Turns:
    seen: float
    held_until: float = 0.0
    taken: dict[Window, deque[float]] = field(default_factory=dict)


class Limits:
    """Gives out turns, in order, by broker and account.

    A turn is taken when it is given out, also one in the future: callers that wait at the same
    time do not wake up together.
    """

    def __init__(self, clock: Clock) -> None:
        """Count nothing yet."""
        self._clock = clock
        self._turns: dict[tuple[str, str], _Turns] = {}

    def take(
        self, account: tuple[str, str], windows: Sequence[Window], *, write: bool, most: float
    ) -> tuple[bool, float]:
        """Take the account's next turn.

        Args:
            account: Broker and account.
            windows: The broker's limits.
            write: Whether the request changes something at the broker.
            most: A turn further off than this many seconds is not taken.

        Returns:
            Whether it was taken, and the seconds until it comes.
        """
        now = self._now(account)
        turns = self._turns[account]
        counting = {
            window: turns.taken.setdefault(window, deque(maxlen=window.requests))
            for window in windows
            if write or not window.writes
        }
        free = [
            taken[0] + window.seconds + _SLACK
            for window, taken in counting.items()
            if len(taken) == window.requests
        ]
        turn = max(now, turns.held_until, *free)
        if turn - now > most:
            return False, turn - now
        for taken in counting.values():
            taken.append(turn)
        return True, turn - now

    def hold(self, account: tuple[str, str], seconds: float) -> None:
        """Give the account no turn for a while: its broker asked for that."""
        until = self._now(account) + min(seconds, _LONGEST_HOLD)
        turns = self._turns[account]
        turns.held_until = max(turns.held_until, until)

    def _now(self, account: tuple[str, str]) -> float:
        now = self._clock.now().timestamp()
        turns = self._turns.setdefault(account, _Turns(seen=now))
        if now < turns.seen:  # the clock was put back: keep the distances, not the times
            back = turns.seen - now
            turns.held_until -= back
            for taken in turns.taken.values():
                shifted = [turn - back for turn in taken]
                taken.clear()
                taken.extend(shifted)
        turns.seen = now
        return now
