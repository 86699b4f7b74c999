"""A circuit breaker for each broker's address, so that a dead broker is not asked 300 times over.

A *failure* is no connection, no answer in time, a lost connection, or HTTP 5xx. Everything else is
a sign of life, whatever it says: an expired token, a 4xx, a 429, an answer that nobody can read.

- **Five failures in a row** open it, over all accounts and calls of that address. With three
  retries one read makes four tries, so no single read opens it; a second one does. Five is also
  few against the 64 accounts that a sync asks at once: the others stop after their first try.
- A run of nothing but 5xx must name **two endpoints**: one broken page of a living server, or one
  refused order that a broker words as HTTP 500, is not a dead broker.
- It stays open for **30 seconds**, as long as one timeout: calls then fail at once, unsent. That is
  well below the five minutes between two syncs, so that every sync looks for itself.
- Then **one probe** goes out. Reads that come meanwhile wait for its end rather than stay stale
  for a whole sync; writes do not wait, since a placement that waited is another placement. All
  together wait one timeout at most. A sign of life closes it, a failure opens it anew.

Failures of requests that were sent before the state last changed count no more.

What belongs here: when calls are let through. What does not: sending them (``transport``).
"""

import asyncio
import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from tradesync_dagster.domain.errors import BreakerOpenError
from tradesync_dagster.domain.ports import Clock

FAILURES = 5
COOL_DOWN = timedelta(seconds=30)

Line = tuple[str, str]
"""A broker and an address of its."""


@dataclass(slots=True)
class _State:
    run: int = 0
    endpoints: set[str] = field(default_factory=set)
    unreachable: bool = False
    open_until: datetime | None = None
    probe: asyncio.Event | None = None
    generation: int = 0
    why: str = ""

    def change(self, open_until: datetime | None) -> None:
        """Start anew, open or closed, and let those who wait for the probe look again."""
        if self.probe is not None:
            self.probe.set()
        self.run, self.unreachable, self.probe = 0, False, None
        self.endpoints.clear()
        self.open_until = open_until
        self.generation += 1


class Ticket(NamedTuple):
    """Leave to send one request; its end must be told."""

    line: Line
    endpoint: str
    generation: int


class Breaker:
    """The breakers of all brokers' addresses."""

    def __init__(self, clock: Clock) -> None:
        """Start with all closed."""
        self._clock = clock
        self._states: dict[Line, _State] = {}

    def check(self, line: Line, endpoint: str) -> None:
        """Refuse a call that would be refused anyway, before it waits for anything.

        Raises:
            BreakerOpenError: It is open and cools down.
        """
        state = self._states.get(line)
        if state is not None and state.open_until is not None:
            left = (state.open_until - self._clock.now()).total_seconds()
            if left > 0:
                raise self._refusal(line, endpoint, state, left)

    async def admit(self, line: Line, endpoint: str, *, wait: bool) -> Ticket:
        """Let a call through, be it as the probe.

        Args:
            line: The broker and its address.
            endpoint: The call's name.
            wait: Whether to wait for the end of a probe that is under way.

        Raises:
            BreakerOpenError: It is open, or a probe is under way and ``wait`` is not set.
        """
        state = self._states.setdefault(line, _State())
        while state.open_until is not None:
            self.check(line, endpoint)
            if state.probe is None:
                state.probe = asyncio.Event()
                break
            if not wait:
                raise self._refusal(line, endpoint, state, 0.0)
            await state.probe.wait()
        return Ticket(line, endpoint, state.generation)

    def alive(self, ticket: Ticket) -> None:
        """Note a sign of life; it closes the breaker whenever its request was sent."""
        state = self._states[ticket.line]
        if state.open_until is not None:
            state.change(open_until=None)
        state.run, state.unreachable = 0, False
        state.endpoints.clear()

    def failed(self, ticket: Ticket, why: str, *, unreachable: bool) -> None:
        """Note a failure.

        Args:
            ticket: The request's.
            why: What happened, for people.
            unreachable: Whether there was no answer at all, not even HTTP 5xx.
        """
        state = self._states[ticket.line]
        if ticket.generation != state.generation:
            return
        state.run += 1
        state.endpoints.add(ticket.endpoint)
        state.unreachable = state.unreachable or unreachable
        enough = state.run >= FAILURES and (state.unreachable or len(state.endpoints) > 1)
        if enough or state.open_until is not None:
            state.why = why
            state.change(open_until=self._clock.now() + COOL_DOWN)

    def dropped(self, ticket: Ticket) -> None:
        """Note that a request was given up unanswered; if it was the probe, another may be."""
        state = self._states[ticket.line]
        if ticket.generation == state.generation and state.probe is not None:
            state.probe.set()
            state.probe = None

    @staticmethod
    def _refusal(line: Line, endpoint: str, state: _State, left: float) -> BreakerOpenError:
        broker, address = line
        when = f"in {math.ceil(left)} s" if left else "when the probe under way has ended"
        return BreakerOpenError(
            broker,
            endpoint,
            f"not sent: the last calls to {address} failed one after another ({state.why}); "
            f"it is asked again {when}",
            left,
        )
