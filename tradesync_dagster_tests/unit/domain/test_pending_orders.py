"""Rows of a ``pending_orders.json`` that cannot be orders: each is refused by itself."""

import json
from datetime import UTC, datetime

import pytest

from tradesync_dagster.domain.errors import ValueRefusedError
from tradesync_dagster.domain.pending_orders import loads, read_row

NOW = datetime(2026, 11, 20, tzinfo=UTC)
FAILED = {
    "symbol": "TCS", "side": "SELL", "quantity": 5, "status": "failed",
    "placed_at": "2026-11-19T09:20:00", "failure_reason": "Insufficient funds", "retry_count": 2,
}  # fmt: skip


def read(**changes: object) -> None:
    (row,) = loads(json.dumps([FAILED | changes]))
    read_row(row, 1, "ts", NOW)


def test_a_row_without_fault_is_read() -> None:
    read()


@pytest.mark.parametrize("value", [10**20, "\ud800", "a\0b"], ids=["64 bits", "half", "NUL"])
def test_what_the_books_cannot_keep_with_the_order_is_refused(value: object) -> None:
    with pytest.raises(ValueRefusedError, match="cannot be kept"):
        read(note=value)


def test_a_row_nested_beyond_measure_is_refused() -> None:
    nested: list[object] = []
    for _ in range(300):
        nested = [nested]
    with pytest.raises(ValueRefusedError, match="cannot be kept"):
        read(note=nested)


@pytest.mark.parametrize("count", [-1, True, 2**31, 1.5, "2"])
def test_a_count_of_retries_is_a_whole_number_that_the_books_hold(count: object) -> None:
    with pytest.raises(ValueRefusedError, match="retry_count"):
        read(retry_count=count)


@pytest.mark.parametrize("name", ["placed_at", "first_failed_at", "last_retry_attempt"])
@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00", "9999-12-31T23:59:59-10:00", "2026-11-20T05:30:01"]
)
def test_a_moment_before_all_years_or_still_to_come_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueRefusedError, match=name):
        read(**{name: text})
