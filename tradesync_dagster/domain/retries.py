"""Orders that failed and may be tried again: which, when, how often, and until when.

What belongs here: the table of reasons, the times of a retry, what stands in the queue. What does
not: sending an order again (``placements``, ``sync.placing``), the queue's steps
(``sync.retrying``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from tradesync_dagster.domain.errors import (
    BrokerError,
    BrokerUnavailableError,
    OrderRejectedError,
    RateLimitedError,
    RefusedRequestError,
    SessionExpiredError,
)
from tradesync_dagster.domain.margin_texts import read_margin
from tradesync_dagster.domain.order_states import FAILURES
from tradesync_dagster.domain.orders import AMO, Order, OrderStatus
from tradesync_dagster.domain.resolving import NEVER_REACHED
from tradesync_dagster.domain.trading_hours import TradingHours

_LONGEST_PAUSE = timedelta(minutes=30)


class FailureKind(StrEnum):
    """Why an order is not at work at its broker, as far as that decides about a retry."""

    MARGIN = "margin"
    UNREACHED = "unreached"
    BUSY = "busy"
    SESSION = "session"
    REFUSED = "refused"
    MALFORMED = "malformed"
    UNCLEAR = "unclear"


MAY_PASS: Final[Mapping[FailureKind, tuple[bool, str]]] = MappingProxyType(
    {
        FailureKind.MARGIN: (True, "money may be freed or paid in"),
        FailureKind.UNREACHED: (True, "the network or the broker may be back"),
        FailureKind.BUSY: (True, "the broker asked for fewer requests"),
        FailureKind.SESSION: (True, "somebody may log in again"),
        FailureKind.REFUSED: (False, "the broker's or the exchange's rules say no to the order"),
        FailureKind.MALFORMED: (False, "the request would be wrong again"),
        FailureKind.UNCLEAR: (False, "nobody knows why, so a person decides"),
    }
)
"""Whether an order that failed so is tried again by itself, and why."""


class QueueState(StrEnum):
    """Where an order stands in the queue."""

    WAITING = "waiting"
    SENT = "sent"
    DROPPED = "dropped"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """An order's place in the queue.

    Attributes:
        state: ``SENT`` while what came of the retry is not known to be another failure.
        expires_at: From when on it is not sent again, UTC.
        due_at: When it is tried again by itself, UTC; ``None`` where only a person may.
        changed_at: UTC.
        who: Who retried or dropped it last; empty for nobody yet.
        why: What holds it back, or why it was dropped.
    """

    order_id: UUID
    account_id: int
    kind: FailureKind
    state: QueueState
    expires_at: datetime
    due_at: datetime | None
    changed_at: datetime
    who: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class RetryRules:
    """When orders are tried again by themselves.

    Attributes:
        enabled: Whether they are at all; by hand they always may be.
        first: The first pause; each later one is twice as long, and half an hour at most.
        attempts: How often an order is tried again by itself.
        stop: How long before the close what failed expires.
        hours: When the exchanges are open.
    """

    enabled: bool = True
    first: timedelta = timedelta(seconds=60)
    attempts: int = 5
    stop: timedelta = timedelta()
    hours: TradingHours = TradingHours()  # noqa: RUF009 - frozen

    def pause(self, tried: int) -> timedelta:
        """Return how long to wait after a failure of an order that was tried again so often."""
        doublings = min(tried, 20)
        return min(self.first * (1 << doublings), max(_LONGEST_PAUSE, self.first))

    def expiry(self, failed_at: datetime) -> datetime:
        """Return when an order expires: with the session it failed in, or the next one.

        Args:
            failed_at: When it first failed, UTC.

        Returns:
            UTC.
        """
        return self.hours.session_for(failed_at + self.stop).closes_at - self.stop


def kind_of(error: BrokerError) -> FailureKind:
    """Say why a broker did not take an order.

    Args:
        error: That proves that the order is not at the broker.

    Returns:
        The row of ``MAY_PASS``.
    """
    if isinstance(error, OrderRejectedError):
        amounts = (error.required, error.available, error.shortfall)
        lacking = any(amount is not None for amount in amounts)
        return FailureKind.MARGIN if lacking else FailureKind.REFUSED
    kinds: tuple[tuple[type[BrokerError], FailureKind], ...] = (
        (SessionExpiredError, FailureKind.SESSION),
        (RateLimitedError, FailureKind.BUSY),
        (BrokerUnavailableError, FailureKind.UNREACHED),
        (RefusedRequestError, FailureKind.MALFORMED),
    )
    return next((kind for cls, kind in kinds if isinstance(error, cls)), FailureKind.UNCLEAR)


def kind_in_books(order: Order, told: str) -> FailureKind:
    """Say why an order of the ledger failed or was rejected.

    Args:
        order: Failed, waiting to be tried again, or rejected.
        told: ``failure`` in its last ``failed`` event; empty where there is none.
    """
    if order.status is OrderStatus.REJECTED:
        found = read_margin(order.failure_reason or order.broker.message)
        lacking = found.shortfall is not None or found.required is not None
        return FailureKind.MARGIN if lacking else FailureKind.REFUSED
    if told in set(FailureKind):
        return FailureKind(told)
    never = order.failure_reason == NEVER_REACHED
    return FailureKind.UNREACHED if never else FailureKind.UNCLEAR


def enter(order: Order, kind: FailureKind, rules: RetryRules) -> QueueEntry:
    """Put an order into the queue as it failed last; the same order gives the same entry.

    Args:
        order: Failed, waiting to be tried again, or rejected.
        kind: Why.
        rules: When it is tried again.
    """
    first = order.first_failed_at or order.last_seen_at
    last = max(first, order.last_retry_attempt or first)
    expires = rules.expiry(first)
    due = last + rules.pause(order.retry_count)
    passes, _ = MAY_PASS[kind]
    itself = rules.enabled and passes and order.retry_count < rules.attempts and due < expires
    return QueueEntry(
        order.order_id, order.account_id, kind, QueueState.WAITING, expires,
        due if itself else None, last,
    )  # fmt: skip


def is_again(order: Order, entry: QueueEntry) -> bool:
    """Whether an order that was sent again has failed once more since."""
    return entry.state is QueueState.SENT and order.status in FAILURES


def is_due(order: Order, entry: QueueEntry, now: datetime, rules: RetryRules) -> bool:
    """Whether an order is to be tried again by itself now.

    One for the next session goes out while the market is closed, any other while it is open.
    """
    if entry.state is not QueueState.WAITING or entry.due_at is None or now >= entry.expires_at:
        return False
    return entry.due_at <= now and rules.hours.is_open(now) is not (order.broker.variety == AMO)


def hold(entry: QueueEntry, order: Order, why: str, now: datetime, rules: RetryRules) -> QueueEntry:
    """Put off an order that could not be sent, by its pause."""
    later = now + rules.pause(order.retry_count)
    due = later if later < entry.expires_at else None
    return replace(entry, due_at=due, why=why, changed_at=now)


def needed_margin(order: Order) -> int | None:
    """Say how much money an order needs, in millionths; ``None`` where its refusal does not."""
    found = read_margin(order.failure_reason)
    if found.required is not None:
        return found.required
    if found.available is not None and found.shortfall is not None:
        return found.available + found.shortfall
    return None
