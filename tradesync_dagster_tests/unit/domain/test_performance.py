"""Profit over time, by example and against a slow reckoning of every day."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tradesync_dagster.domain.performance import Curve, combined, curves

RUPEE = 10**6
INFY = {"exchange": "NSE", "symbol": "INFY", "instrument": "INE009A01021", "product": "CNC"}
NIFTY = {"exchange": "NFO", "symbol": "NIFTY26MARFUT", "product": "NRML"} | {
    "instrument": "NFO:NIFTY26MARFUT"
}


def day(number: int, quantity: int, cost: int, realised: int = 0, **more: Any) -> dict[str, Any]:
    """One queue's day; money in rupees."""
    row = {"account_id": 1, "strategy_id": "", "wins": 0, "losses": 0} | INFY | more
    return row | {
        "trade_date": number,
        "quantity": quantity,
        "cost": cost * RUPEE,
        "realised_pnl": realised * RUPEE,
    }


def quote(number: int, rupees: int, of: dict[str, str] = INFY) -> dict[str, Any]:
    named = {"exchange": of["exchange"], "symbol": of["symbol"]}
    return named | {"trade_date": number, "price": rupees * RUPEE}


def follow(
    days: list[dict[str, Any]], prices: list[dict[str, Any]], last: int, **times: int
) -> dict[tuple[int, str], Curve]:
    quotes = pd.DataFrame(prices, columns=["exchange", "symbol", "trade_date", "price"])
    multipliers = {("NFO", "NIFTY26MARFUT"): times.get("multiplier", 1)}
    return curves(pd.DataFrame(days), quotes, multipliers, range(1, last + 1))


def rupees(values: Any) -> list[int]:
    return [int(value) // RUPEE for value in values]


def test_a_share_is_followed_from_its_purchase_to_its_sale() -> None:
    days = [day(2, 10, 1000), day(4, 4, 400, 120, wins=1), day(6, 0, 0, -40, losses=1)]
    prices = [quote(1, 90), quote(2, 105), quote(5, 80)]
    [curve] = follow(days, prices, 7).values()
    assert rupees(curve.realised) == [0, 0, 0, 120, 0, -40, 0]
    assert rupees(curve.unrealised) == [0, 50, 50, 20, -80, 0, 0]
    assert rupees(curve.equity) == [0, 50, 50, 140, 40, 80, 80]
    assert rupees(curve.exposure) == [0, 1050, 1050, 420, 320, 0, 0]
    assert curve.holdings.tolist() == [0, 1, 1, 1, 1, 0, 0]
    assert curve.positions.tolist() == [0] * 7
    assert curve.drawdown == 100 * RUPEE
    assert curve.win_rate == Decimal("50.00")


def test_a_short_with_a_multiplier_earns_when_its_price_falls() -> None:
    days = [day(1, -2, -200, **NIFTY)]
    [curve] = follow(days, [quote(1, 100, NIFTY), quote(2, 90, NIFTY)], 2, multiplier=50).values()
    assert rupees(curve.unrealised) == [0, 1000]
    assert rupees(curve.exposure) == [10_000, 9_000]
    assert curve.positions.tolist() == [1, 1]
    assert curve.drawdown == 0
    assert curve.win_rate is None


def test_without_a_price_the_cost_stands_and_that_is_counted() -> None:
    [curve] = follow([day(1, 10, 1000)], [quote(3, 70)], 3).values()
    assert rupees(curve.unrealised) == [0, 0, -300]
    assert rupees(curve.exposure) == [1000, 1000, 700]
    assert curve.unpriced.tolist() == [1, 1, 0]


def test_each_strategy_has_its_own_curve() -> None:
    found = follow(
        [day(1, 5, 500), day(1, 5, 500, strategy_id="momentum"), day(1, 1, 1, account_id=2)], [], 1
    )
    assert sorted(found) == [(1, ""), (1, "momentum"), (2, "")]


def test_days_between_those_asked_for_count_on_the_next_one() -> None:
    days = pd.DataFrame([day(1, 10, 1000), day(2, 5, 500, 50), day(3, 0, 0, 25), day(9, 1, 1)])
    none = pd.DataFrame({"exchange": [], "symbol": [], "trade_date": [], "price": []})
    [curve] = curves(days, none, {}, [2, 5]).values()
    assert rupees(curve.realised) == [50, 25]
    assert curve.holdings.tolist() == [1, 0]


def test_sums_past_64_bits_are_exact() -> None:
    huge = 2**70
    days = pd.DataFrame(
        [day(1, 1, 0) | {"realised_pnl": huge}, day(2, 1, 0) | {"realised_pnl": -huge + 1}]
    )
    none = pd.DataFrame({"exchange": [], "symbol": [], "trade_date": [], "price": []})
    [curve] = curves(days, none, {}, [1, 2]).values()
    assert list(curve.equity) == [huge, 1]
    assert curve.drawdown == huge - 1


def test_no_days_make_no_curves() -> None:
    empty = pd.DataFrame([day(1, 1, 1)]).iloc[:0]
    none = pd.DataFrame({"exchange": [], "symbol": [], "trade_date": [], "price": []})
    assert curves(empty, none, {}, [1]) == {}


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.booleans(), st.integers(-9, 9), st.integers(-9, 9)),
        unique_by=lambda row: row[:2],
        min_size=1,
    ),
    st.lists(st.tuples(st.integers(1, 6), st.integers(1, 9)), unique_by=lambda row: row[0]),
)
def test_every_day_is_as_reckoned_slowly(
    drawn: list[tuple[int, bool, int, int]], quotes: list[tuple[int, int]]
) -> None:
    days = [
        day(number, quantity, 7 * quantity, earned, **(INFY if share else NIFTY))
        for number, share, quantity, earned in drawn
    ]
    [curve] = follow(days, [quote(number, price) for number, price in quotes], 6).values()
    for today in range(1, 7):
        unrealised = 0
        for share in (True, False):
            known = [row for row in drawn if row[1] is share and row[0] <= today]
            prices = [price for number, price in sorted(quotes) if number <= today]
            if known and share and prices:
                quantity = max(known)[2]
                unrealised += quantity * prices[-1] - 7 * quantity
        at = int(np.flatnonzero(curve.day == today)[0])
        assert curve.unrealised[at] == unrealised * RUPEE
        assert curve.realised[at] == sum(row[3] for row in drawn if row[0] == today) * RUPEE


def test_books_add_up_day_by_day_beyond_64_bits() -> None:
    days = np.array([1, 2])
    big = np.array([2**62, -(2**62)])
    one = Curve(days, big, big, days, big, days, days, days, 0 * days)
    both = combined([one, one, one])
    assert list(both.day) == [1, 2]
    assert [int(x) for x in both.realised] == [3 * 2**62, -3 * 2**62]
    assert [int(x) for x in both.equity] == [3 * 2**63, -3 * 2**62]
    assert int(both.wins.sum()) == 9
    assert both.win_rate == 100
    assert both.drawdown == 3 * 2**63 + 3 * 2**62
