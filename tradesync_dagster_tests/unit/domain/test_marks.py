"""P&L by side, and one mark for each interval of the hour."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tradesync_dagster.domain.marks import marked, points_due, profit
from tradesync_dagster_tests.support.fake_orders import HOUR, ORDER

STEP = timedelta(minutes=5)


@pytest.mark.parametrize(
    ("side", "limit", "lmp", "quantity", "pnl"),
    [
        ("BUY", 35_000_000, 40_000_000, 2_000_000, 10_000_000),
        ("SELL", 35_000_000, 40_000_000, 2_000_000, -10_000_000),
        ("BUY", -5_000_000, -7_500_000, 1_000_000, -2_500_000),
        ("SELL", -5_000_000, -7_500_000, 1_000_000, 2_500_000),
        ("BUY", 0, 1, 500_000, 0),  # half a millionth goes to the even one
        ("BUY", 0, 3, 500_000, 2),
        ("SELL", 0, 3, 500_000, -2),
        ("BUY", -100_000_000_000, 100_000_000_000, 100_000_000_000, 20_000_000_000_000_000),
    ],
)
def test_profit_is_the_price_against_the_orders_own(
    side: str, limit: int, lmp: int, quantity: int, pnl: int
) -> None:
    order = replace(ORDER, side=side, limit_price=limit, quantity=quantity)
    assert profit(order, lmp) == pnl
    assert abs(pnl) < 2**63


def test_an_hour_has_twelve_marks_and_no_more() -> None:
    order = replace(ORDER, next_mark_at=HOUR)
    points = points_due(order, HOUR + timedelta(days=3), STEP)
    assert [point.at for point in points] == [HOUR + n * STEP for n in range(12)]
    order, marks = marked(order, points, dict.fromkeys(points, 40_000_000), STEP)
    assert len(marks) == 12
    assert (order.marked_at, order.next_mark_at) == (HOUR + 11 * STEP, None)
    assert points_due(order, HOUR + timedelta(days=3), STEP) == []


def test_marks_come_as_their_time_comes() -> None:
    order = replace(ORDER, next_mark_at=HOUR + STEP)
    assert points_due(order, HOUR + STEP - timedelta(microseconds=1), STEP) == []
    points = points_due(order, HOUR + 2 * STEP, STEP)
    assert len(points) == 2
    prices = {points[0]: 40_000_000, points[1]: 41_000_000}
    order, marks = marked(order, points, prices, STEP)
    assert (order.last_lmp, order.pnl) == (41_000_000, profit(ORDER, 41_000_000))
    assert [mark.pnl for mark in marks] == [profit(ORDER, lmp) for lmp in prices.values()]
    assert order.next_mark_at == HOUR + 3 * STEP


def test_an_unknown_price_is_a_gap_and_holds_nothing_up() -> None:
    order = replace(ORDER, next_mark_at=HOUR, last_lmp=1, pnl=2, marked_at=HOUR - STEP)
    points = points_due(order, HOUR + STEP, STEP)
    after, marks = marked(order, points, {points[0]: 40_000_000}, STEP)
    assert [mark.at for mark in marks] == [HOUR]
    assert (after.marked_at, after.next_mark_at) == (HOUR, HOUR + 2 * STEP)
    none, marks = marked(order, points, {}, STEP)
    assert marks == []
    assert none == replace(order, next_mark_at=HOUR + 2 * STEP)
