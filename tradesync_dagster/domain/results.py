"""What a sync came to, for each account and for the whole tick.

What belongs here: the figures that runs, tables and notifications show. What does not: making them
(``sync``) or showing them.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

SUCCESS = "success"
PARTIAL = "partial_success"
FAILED = "failed"

ASSETS = (
    "order_book", "external_orders", "orders", "positions", "holdings", "snapshots",
)  # fmt: skip
"""The assets of an account, in the order in which data flows."""


@dataclass(frozen=True, slots=True)
class AccountResult:
    """One account's outcome in one tick.

    Attributes:
        account: ``ORG/ACCOUNT``.
        status: ``success``, ``partial_success`` or ``failed``.
        errors: Sentences; empty on success.
        changed: Those of ``ASSETS`` whose content changed.
        failed: Those of ``ASSETS`` that could not be brought up to date.
        orders: Orders in today's book.
        external_orders: Of them, confirmed as external.
        new_external_orders: Of those, confirmed in this tick.
        candidates: Orders that may be external, not yet confirmed.
        breaks: Differences from the broker's own figures that stayed and nobody has explained.
        realised_pnl: In millionths of the currency, any size.
        unrealised_pnl: In millionths; ``None`` where a price is missing.
        seconds: Time of each step by its name.
        session_ended: The tick in which the broker first refused the session, by its id; empty
            while the session works.
    """

    account: str
    account_id: int
    status: str
    errors: tuple[str, ...] = ()
    changed: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    orders: int = 0
    external_orders: int = 0
    new_external_orders: int = 0
    candidates: int = 0
    fills: int = 0
    positions: int = 0
    holdings: int = 0
    realised_pnl: int = 0
    unrealised_pnl: int | None = None
    rejects: int = 0
    breaks: int = 0
    positions_regenerated: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    session_ended: str = ""


@dataclass(frozen=True, slots=True)
class ResponseTime:
    """How one broker answered one kind of call during a tick.

    Attributes:
        endpoint: Method and path, ids in it folded.
        count: Tries, answered or not.
        failures: Those without an answer, or with a server error.
        mean_seconds: From sending to the last byte.
        max_seconds: The longest.
    """

    broker: str
    endpoint: str
    count: int
    failures: int
    mean_seconds: float
    max_seconds: float


class Stretch(NamedTuple):
    """Some part of a tick, in seconds since its beginning."""

    part: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class TickSummary:
    """One tick over many accounts.

    Attributes:
        tick_id: Names the tick in the store.
        started_at: UTC.
        seconds: Wall time of the whole tick.
        results: One for each account, by key.
        publish_errors: What kept snapshots or messages from their servers, in sentences; they stay
            in the store and go out with the next tick.
        response_times: By broker and endpoint.
        shard: Which part of all accounts it was over; empty for no such part.
        parts: Wall seconds by part; what is fetched while other accounts are written counts once.
        interval_seconds: After what time the next tick is due; 0 where none is.
        stretches: The parts as they followed one another.
    """

    tick_id: str
    started_at: datetime
    seconds: float
    results: tuple[AccountResult, ...]
    publish_errors: tuple[str, ...] = ()
    response_times: tuple[ResponseTime, ...] = ()
    shard: str = ""
    parts: Mapping[str, float] = field(default_factory=dict)
    interval_seconds: float = 0.0
    stretches: tuple[Stretch, ...] = ()

    @property
    def overrun_seconds(self) -> float:
        """By how much it outlasted its interval; 0 if it did not."""
        over = self.seconds - self.interval_seconds
        return max(over, 0.0) if self.interval_seconds else 0.0

    @property
    def status(self) -> str:
        """``success`` if all are, ``failed`` if all are, ``partial_success`` otherwise."""
        found = {result.status for result in self.results}
        if not found or found == {SUCCESS}:
            return PARTIAL if self.publish_errors else SUCCESS
        return FAILED if found == {FAILED} else PARTIAL

    def statuses(self) -> dict[str, int]:
        """Count accounts by status."""
        return dict(Counter(result.status for result in self.results))

    def total(self, name: str) -> int:
        """Add up one figure over the accounts.

        Args:
            name: An integer attribute of ``AccountResult``.

        Returns:
            The sum.
        """
        return sum(getattr(result, name) for result in self.results)

    @property
    def errors(self) -> int:
        """How many errors were met."""
        return sum(len(result.errors) for result in self.results) + len(self.publish_errors)
