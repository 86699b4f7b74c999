"""The example strategy, and the arithmetic of mandates."""

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from tradesync_dagster.domain.errors import ValueRefusedError
from tradesync_dagster.domain.example_strategy import BuyTheDip
from tradesync_dagster.domain.mandates import (
    Mandate,
    Signal,
    exit_of,
    reason_to_sell,
    units_for,
)
from tradesync_dagster.domain.strategies import View

DAY = date(2026, 11, 20)
RUPEE = 1_000_000


def view(prices: list[int], **more: object) -> View:
    rows = [
        ("NSE", "INFY", DAY - timedelta(days=len(prices) - 1 - n), price * RUPEE)
        for n, price in enumerate(prices)
    ]
    frame = pd.DataFrame(rows, columns=["exchange", "symbol", "trade_date", "price"])
    return View(DAY, 10**11, 10**11, frame, options={"days": "3", "dip": "500"}, **more)  # type: ignore[arg-type]


def test_it_wishes_for_what_fell_below_its_average() -> None:
    (wish,) = BuyTheDip().wishes(view([100, 100, 85]))
    assert (wish.symbol, wish.price, wish.target, wish.score) == (
        "INFY", 85 * RUPEE, 95 * RUPEE, 1052,
    )  # fmt: skip


@pytest.mark.parametrize(
    "seen",
    [
        view([100, 100, 99]),
        view([100, 85]),
        view([100, 100, 85], units={("NSE", "INFY"): 4}),
    ],
)
def test_it_leaves_what_did_not_fall_is_too_new_or_is_held(seen: View) -> None:
    assert list(BuyTheDip().wishes(seen)) == []


def test_yesterdays_price_is_no_reason() -> None:
    old = view([100, 100, 85])
    moved = View(DAY + timedelta(days=1), old.capital, old.free, old.prices, options=old.options)
    assert list(BuyTheDip().wishes(moved)) == []


@pytest.mark.parametrize("days", ["many", "0", "-1", "10001", "9" * 5_000])
def test_an_option_that_is_no_number_is_refused(days: str) -> None:
    seen = view([1])
    wrong = View(DAY, 1, 1, seen.prices, options={"days": days})
    with pytest.raises(ValueRefusedError, match="days is a whole number"):
        list(BuyTheDip().wishes(wrong))


def test_exits_follow_the_signal_and_else_the_mandate() -> None:
    mandate = Mandate(1, "dips", "dip", 100 * RUPEE, target_bp=250, stop_bp=400)
    at = datetime(2026, 11, 20, tzinfo=UTC)
    signal = Signal(1, "dips", DAY, "NSE", "INFY", 100 * RUPEE)
    rule = exit_of(mandate, signal, at)
    assert (rule.target, rule.stop) == (102_500_000, 96 * RUPEE)
    named = Signal(1, "dips", DAY, "NSE", "INFY", 100 * RUPEE, target=7, stop=5)
    assert (exit_of(mandate, named, at).target, exit_of(mandate, named, at).stop) == (7, 5)
    assert [reason_to_sell(rule, n * RUPEE) for n in (95, 96, 97, 103)] == [
        "stop", "stop", "", "target",
    ]  # fmt: skip


def test_units_are_what_the_money_buys() -> None:
    assert units_for(20_000 * RUPEE, 1500 * RUPEE, 1) == 13
    assert units_for(20_000 * RUPEE, 150 * RUPEE, 10) == 13
    assert [units_for(*pair, 1) for pair in ((0, 5), (5, 0), (-5, 5), (5, -5))] == [0, 0, 0, 0]
