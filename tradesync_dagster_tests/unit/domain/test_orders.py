"""Orders: status words, identity."""

from datetime import date

import pytest

from tradesync_dagster.domain.orders import OrderStatus, Side, order_id_of, status_of

DAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("COMPLETE", OrderStatus.EXECUTED),
        ("complete", OrderStatus.EXECUTED),
        ("traded", OrderStatus.EXECUTED),
        ("CANCELLED", OrderStatus.CANCELLED),
        ("Cancelled AMO", OrderStatus.CANCELLED),
        ("REJECTED", OrderStatus.REJECTED),
        ("OPEN", OrderStatus.OPEN),
        (" open ", OrderStatus.OPEN),
        ("MODIFIED", OrderStatus.OPEN),
        ("NOT MODIFIED", OrderStatus.OPEN),
        ("MODIFY PENDING", OrderStatus.OPEN),
        ("MODIFY VALIDATION PENDING", OrderStatus.OPEN),
        ("CANCEL PENDING", OrderStatus.OPEN),
        ("NOT CANCELLED", OrderStatus.OPEN),
        ("UPDATE", OrderStatus.OPEN),
        ("TRIGGER PENDING", OrderStatus.TRIGGER_PENDING),
        ("TRIGGER_PENDING", OrderStatus.TRIGGER_PENDING),
        ("PUT ORDER REQ RECEIVED", OrderStatus.PENDING_EXECUTION),
        ("VALIDATION PENDING", OrderStatus.PENDING_EXECUTION),
        ("OPEN PENDING", OrderStatus.PENDING_EXECUTION),
        ("AMO REQ RECEIVED", OrderStatus.AMO),
    ],
)
def test_documented_status_words(word: str, status: OrderStatus) -> None:
    assert status_of(word) is status


@pytest.mark.parametrize("word", ["", "FROBNICATED", "CANCEL", "COMPLETED?", "EXPIRED SOON"])
def test_a_status_word_nobody_documented_is_unknown_and_not_terminal(word: str) -> None:
    assert status_of(word) is OrderStatus.UNKNOWN
    assert not status_of(word).is_terminal


def test_terminal_statuses() -> None:
    assert {status for status in OrderStatus if status.is_terminal} == {
        OrderStatus.EXECUTED,
        OrderStatus.CANCELLED,
        OrderStatus.REJECTED,
        OrderStatus.EXPIRED,
    }


def test_side_signs() -> None:
    assert (Side.BUY.sign, Side.SELL.sign) == (1, -1)


def test_order_id_is_the_same_on_every_run() -> None:
    """A literal: another value here means that every stored order was renamed."""
    assert str(order_id_of(1, DAY, "240302000000001")) == "ecd5bf3b-b1d6-5748-9e4e-2b0bfc3c568b"


def test_order_id_tells_account_day_and_broker_id_apart() -> None:
    ids = {
        order_id_of(1, DAY, "1"),
        order_id_of(2, DAY, "1"),
        order_id_of(1, date(2026, 3, 3), "1"),
        order_id_of(1, DAY, "2"),
        order_id_of(11, DAY, "1"),
    }
    assert len(ids) == 5
    assert {found.version for found in ids} == {5}
