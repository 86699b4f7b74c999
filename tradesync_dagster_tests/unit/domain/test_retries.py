"""Which failures may pass, when an order goes again, and until when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesync_dagster.domain import errors
from tradesync_dagster.domain.orders import Order, OrderStatus, Origin
from tradesync_dagster.domain.resolving import NEVER_REACHED
from tradesync_dagster.domain.retries import (
    MAY_PASS,
    FailureKind,
    QueueState,
    RetryRules,
    enter,
    hold,
    is_again,
    is_due,
    kind_in_books,
    kind_of,
    needed_margin,
)
from tradesync_dagster.domain.trading_hours import read_sessions
from tradesync_dagster_tests.support.orders import sample_order

AT = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
"""A Monday, 10:30 in Asia/Kolkata."""
RULES = RetryRules()


def failed(**changes: object) -> Order:
    row = sample_order(AT, broker_order_id="", status_word="", variety="regular")
    given_ = {
        "status": OrderStatus.FAILED, "client_order_id": "ts1", "first_failed_at": AT,
        "failure_reason": "no", "retry_count": 0,
    } | changes  # fmt: skip
    row = given_.pop("broker", row)  # type: ignore[assignment]
    return Order(uuid4(), 1, row, Origin.INTERNAL, first_seen_at=AT, last_seen_at=AT, **given_)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "kind", "passes"),
    [
        (errors.OrderRejectedError("Z", "place", "x", shortfall=1), FailureKind.MARGIN, True),
        (errors.OrderRejectedError("Z", "place", "x", required=1), FailureKind.MARGIN, True),
        (errors.OrderRejectedError("Z", "place", "x"), FailureKind.REFUSED, False),
        (errors.SessionExpiredError("Z", "place", "x"), FailureKind.SESSION, True),
        (errors.RateLimitedError("Z", "place", "x"), FailureKind.BUSY, True),
        (
            errors.BrokerUnavailableError("Z", "place", "x", sent=False),
            FailureKind.UNREACHED,
            True,
        ),
        (errors.BreakerOpenError("Z", "place", "x", 1.0), FailureKind.UNREACHED, True),
        (errors.RefusedRequestError("Z", "place", "x"), FailureKind.MALFORMED, False),
        (errors.BrokerError("Z", "place", "x"), FailureKind.UNCLEAR, False),
    ],
)
def test_each_refusal_has_its_row(
    error: errors.BrokerError, kind: FailureKind, passes: bool
) -> None:
    assert kind_of(error) is kind
    assert MAY_PASS[kind][0] is passes
    assert set(MAY_PASS) == set(FailureKind)


def test_the_books_tell_why_an_order_failed() -> None:
    assert kind_in_books(failed(), "busy") is FailureKind.BUSY
    assert kind_in_books(failed(), "") is FailureKind.UNCLEAR
    assert kind_in_books(failed(failure_reason=NEVER_REACHED), "") is FailureKind.UNREACHED
    words = "Insufficient funds. Margin required: 100.00. Margin available: 40.00"
    rejected = failed(status=OrderStatus.REJECTED, failure_reason=words)
    assert kind_in_books(rejected, "") is FailureKind.MARGIN
    assert needed_margin(rejected) == 100_000_000
    other = failed(status=OrderStatus.REJECTED, failure_reason="above the circuit limit")
    assert kind_in_books(other, "") is FailureKind.REFUSED
    assert needed_margin(other) is None
    xts = failed(failure_reason="Cash Available:40.00,Additional margin required:60.00")
    assert needed_margin(xts) == 100_000_000


def test_pauses_double_up_to_half_an_hour() -> None:
    seconds = [RULES.pause(n).total_seconds() for n in (0, 1, 2, 4, 5, 500)]
    assert seconds == [60, 120, 240, 960, 1800, 1800]
    assert RetryRules(first=timedelta(hours=1)).pause(3) == timedelta(hours=1)


@pytest.mark.parametrize(
    ("failed_at", "expires"),
    [
        ("2026-03-02T05:00", "2026-03-02T10:00"),  # within the session
        ("2026-03-02T01:00", "2026-03-02T10:00"),  # before it
        ("2026-03-02T10:00", "2026-03-04T10:00"),  # at its end: the 3rd is a holiday
        ("2026-03-07T05:00", "2026-03-09T10:00"),  # a Saturday
    ],
)
def test_an_order_expires_with_its_session(failed_at: str, expires: str) -> None:
    moments = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (failed_at, expires)]
    assert RULES.expiry(moments[0]) == moments[1]


def test_an_early_close_and_a_stop_before_it_count() -> None:
    rules = RetryRules(hours=read_sessions("2026-03-02 09:15-12:00"), stop=timedelta(minutes=10))
    assert rules.expiry(AT) == datetime(2026, 3, 2, 6, 20, tzinfo=UTC)
    late = datetime(2026, 3, 2, 6, 25, tzinfo=UTC)
    assert rules.expiry(late) > late + timedelta(hours=20)


@given(st.integers(0, 60 * 24 * 30), st.integers(0, 300))
def test_expiry_lies_ahead(minutes: int, stop: int) -> None:
    at = AT + timedelta(minutes=minutes)
    rules = RetryRules(stop=timedelta(minutes=stop))
    assert at < rules.expiry(at) <= at + timedelta(days=10)


def test_what_goes_by_itself_and_when() -> None:
    order = failed()
    entry = enter(order, FailureKind.BUSY, RULES)
    assert entry.due_at == AT + timedelta(seconds=60)
    assert entry == enter(order, FailureKind.BUSY, RULES)
    assert enter(order, FailureKind.REFUSED, RULES).due_at is None
    assert enter(failed(retry_count=5), FailureKind.BUSY, RULES).due_at is None
    assert enter(order, FailureKind.BUSY, RetryRules(enabled=False)).due_at is None
    again = failed(retry_count=2, last_retry_attempt=AT + timedelta(minutes=9))
    assert enter(again, FailureKind.BUSY, RULES).due_at == AT + timedelta(minutes=13)
    near = failed(first_failed_at=datetime(2026, 3, 2, 9, 59, 30, tzinfo=UTC))
    assert enter(near, FailureKind.BUSY, RULES).due_at is None, "it would come after the close"
    assert not is_due(order, entry, AT + timedelta(seconds=59), RULES)
    assert is_due(order, entry, AT + timedelta(seconds=60), RULES)
    assert not is_due(order, entry, datetime(2026, 3, 2, 10, 0, tzinfo=UTC), RULES)


def test_after_market_orders_go_while_the_market_is_closed() -> None:
    evening = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
    row = sample_order(evening, broker_order_id="", status_word="", variety="amo")
    order = failed(broker=row, first_failed_at=evening)
    entry = enter(order, FailureKind.UNREACHED, RULES)
    assert is_due(order, entry, evening + timedelta(minutes=1), RULES)
    assert not is_due(order, entry, datetime(2026, 3, 4, 5, 0, tzinfo=UTC), RULES)
    plain = failed(first_failed_at=evening)
    assert not is_due(plain, entry, evening + timedelta(minutes=1), RULES)
    assert is_due(plain, entry, datetime(2026, 3, 4, 3, 45, tzinfo=UTC), RULES)


def test_what_is_held_waits_for_its_pause_and_what_is_sent_may_fail_again() -> None:
    order = failed(retry_count=1)
    entry = enter(order, FailureKind.MARGIN, RULES)
    held = hold(entry, order, "no money", AT + timedelta(minutes=5), RULES)
    assert (held.due_at, held.why) == (AT + timedelta(minutes=7), "no money")
    late = hold(entry, order, "no money", entry.expires_at - timedelta(seconds=9), RULES)
    assert late.due_at is None
    sent = replace(entry, state=QueueState.SENT)
    assert is_again(order, sent)
    assert not is_again(failed(status=OrderStatus.PENDING_EXECUTION), sent)
    assert not is_again(order, entry)
