"""What goes into the transport and what comes out of it.

What belongs here: the policy, a call, its answer, the errors that both stand for. What does not:
sending (``transport``), a broker's words for an error (its own file).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from tradesync_dagster.brokers.limits import DEFAULT_WINDOWS, Window
from tradesync_dagster.domain.errors import (
    BrokerError,
    BrokerUnavailableError,
    OrderRejectedError,
    RateLimitedError,
)
from tradesync_dagster.domain.margin_texts import order_rejected

NOT_SENT_AGAIN = "; it may have been carried out and is not sent again: the order book will tell"


@dataclass(frozen=True, slots=True)
class TransportPolicy:
    """How patient and how busy the transport is.

    Attributes:
        timeout_seconds: For one try, from sending to the last byte.
        connect_seconds: For its connection, where that is less.
        retry_attempts: How often a request is sent again after its first try.
        retry_delay: Seconds that the wait before the first retry is drawn from; doubles with each.
        rate_limit_delay: Least seconds to wait after a 429 that does not say how long; doubles too.
        windows: Rate limits by broker, in place of those that its adapter declares.
        max_body_bytes: Longest body that is read, after decompression.
        connections: Most requests under way at once, over all accounts.
    """

    timeout_seconds: float = 30.0
    connect_seconds: float = 10.0
    retry_attempts: int = 3
    retry_delay: float = 0.25
    rate_limit_delay: float = 1.0
    windows: Mapping[str, Sequence[Window]] = field(default_factory=dict)
    max_body_bytes: int = 16 * 1024 * 1024
    connections: int = 256


@dataclass(frozen=True, slots=True)
class Call:
    """One request to make.

    Attributes:
        broker: The broker's name, for errors.
        endpoint: The call's name, for errors.
        account: The account's key; requests are rate limited by broker and account.
        idempotent: Whether sending it again is harmless; otherwise it counts as a write.
        keep_errors: Whether answers with status 429 or 5xx are returned, once retries are spent,
            to an adapter that reads the broker's words in them.
        windows: The broker's published rate limits for one account.
    """

    method: str
    url: str = field(repr=False)
    broker: str
    endpoint: str
    account: str
    idempotent: bool
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: Any = field(default=None, repr=False)
    keep_errors: bool = False
    windows: Sequence[Window] = DEFAULT_WINDOWS


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        requested_at: When the first try was sent, UTC.
        seconds: From then to the last byte, retries included.
        attempts: Tries made.
        broker_time: The ``Date`` header, UTC, where it could be read.
        retry_after: Seconds that the broker asks to wait, where it does.
        known: The hash of the account's last answer of the kind that need not be read again;
            empty for none. Not the transport's to say (``factory``).
    """

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    requested_at: datetime
    seconds: float
    attempts: int
    broker_time: datetime | None = None
    retry_after: float | None = None
    known: str = ""


class Sender(Protocol):
    """What an adapter sends its calls by."""

    async def request(self, call: Call) -> Answer:
        """Send a call; see ``Transport.request``."""
        ...


def told_error(
    kind: type[BrokerError],
    broker: str,
    endpoint: str,
    answer: Answer,
    what: str,
    *,
    reason: str,
    write: bool,
) -> BrokerError:
    """Build the error that a broker's answer tells of, with all that its kind has.

    Args:
        kind: Which.
        broker: Who answered.
        endpoint: The call.
        answer: What came.
        what: What happened, in words without secrets.
        reason: The broker's own words for it, without secrets.
        write: Whether the call would have changed something.
    """
    if kind is OrderRejectedError:
        return order_rejected(broker, endpoint, what, reason)
    if kind is RateLimitedError:
        return RateLimitedError(broker, endpoint, what, answer.retry_after)
    lost = kind is BrokerUnavailableError and write
    return kind(broker, endpoint, f"{what}{NOT_SENT_AGAIN}" if lost else what)


def not_sent(endpoint: str, error: BrokerError) -> BrokerUnavailableError:
    """Build the error of a write that was given up because the reading before it failed."""
    what = f"{error}; nothing was sent"
    return BrokerUnavailableError(error.broker, endpoint, what, sent=False)


def refusal(call: Call, answer: Answer) -> BrokerError | None:
    """Return the error that a status stands for by itself: 429 and 5xx, otherwise ``None``."""
    place = (call.broker, call.endpoint)
    if answer.status == 429:
        what = f"too many requests for {call.account} (HTTP 429)"
        return RateLimitedError(*place, what, answer.retry_after)
    if answer.status >= 500:
        tail = "" if call.idempotent else NOT_SENT_AGAIN
        what = f"the broker's server failed (HTTP {answer.status}){tail}"
        return BrokerUnavailableError(*place, what)
    return None
