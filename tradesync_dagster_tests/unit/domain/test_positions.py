"""Positions of a day from fills, by example; delivery has its own file."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import pytest

from tradesync_dagster.domain.facts import Facts, Settlement
from tradesync_dagster.domain.openings import ASSUMED
from tradesync_dagster.domain.positions import Prices, Shown, show
from tradesync_dagster_tests.support.book_frames import LISTED, Trade, fills_of, kept, trade

FRIDAY = date(2026, 2, 27)
MONDAY = date(2026, 3, 2)
TODAY = date(2026, 3, 3)
FACTS = Facts(LISTED)


def fill(quantity: int, rupees: int, day: date = TODAY, product: str = "MIS", **more: Any) -> Trade:
    return trade(quantity, rupees * 10**6, day, product, **more)


def shown(*trades: Trade, prices: Prices | None = None, facts: Facts = FACTS) -> Shown:
    """Keep books of the fills and show them as of today."""
    return _show(trades, prices or {}, facts)


def _show(trades: Iterable[Trade], prices: Prices, facts: Facts) -> Shown:
    fills, today = fills_of(trades), TODAY.toordinal()
    books = kept(fills.to_dict("records"), facts)
    lots, days = books.lots, books.days
    return show(
        lots[(lots["held_from"] <= today) & (lots["held_to"] > today)],
        fills[fills["trade_date"] == today],
        days[days["trade_date"] == today],
        prices,
        TODAY,
        MONDAY,
    )


def at(rupees: int, multiplier: int = 1) -> Prices:
    return {("NSE", "INFY"): (multiplier, rupees * 10**6)}


def position(got: Shown) -> dict[str, Any]:
    [row] = got.positions
    return row


def test_nothing_makes_nothing() -> None:
    assert shown() == Shown()


def test_long_position_with_its_whole_row() -> None:
    got = shown(fill(10, 100), fill(10, 110), fill(-15, 120), prices=at(130))
    assert got.positions == [
        {
            "account_id": 1,
            "exchange": "NSE",
            "symbol": "INFY",
            "product": "MIS",
            "quantity": 5,
            "average_price": 110_000_000,
            "buy_quantity": 20,
            "sell_quantity": 15,
            "multiplier": 1,
            "realised_pnl": str((10 * 20 + 5 * 10) * 10**6),
            "unrealised_pnl": str(5 * 20 * 10**6),
            "last_price": 130_000_000,
            "assumed_quantity": 0,
        }
    ]
    assert (got.holdings, got.missing) == ([], {})


def test_short_position_gains_when_the_price_falls() -> None:
    row = position(shown(fill(-10, 100), fill(4, 90), prices=at(95)))
    assert (row["quantity"], row["average_price"]) == (-6, 100_000_000)
    assert (row["realised_pnl"], row["unrealised_pnl"]) == ("40000000", "30000000")


def test_flip_through_zero() -> None:
    row = position(shown(fill(10, 100), fill(-25, 110), prices=at(105)))
    assert (row["quantity"], row["average_price"]) == (-15, 110_000_000)
    assert (row["realised_pnl"], row["unrealised_pnl"]) == ("100000000", "75000000")


def test_a_flat_position_of_today_stays_with_its_profit_and_needs_no_price() -> None:
    row = position(shown(fill(10, 100), fill(-10, 99)))
    assert (row["quantity"], row["average_price"], row["unrealised_pnl"]) == (0, 0, "0")
    assert (row["buy_quantity"], row["sell_quantity"]) == (10, 10)
    assert row["realised_pnl"] == "-10000000"


def test_a_flat_position_of_another_day_is_gone() -> None:
    got = shown(fill(10, 100, FRIDAY), fill(-10, 110, MONDAY))
    assert got == Shown()


def test_a_carried_position_of_another_product_stays_a_position() -> None:
    got = shown(fill(10, 100, FRIDAY, "NRML"))
    row = position(got)
    assert (row["quantity"], row["buy_quantity"], row["sell_quantity"]) == (10, 0, 0)
    assert (row["average_price"], row["realised_pnl"]) == (100_000_000, "0")
    assert got.holdings == []


def test_realised_profit_is_todays_only() -> None:
    row = position(
        shown(fill(10, 100, FRIDAY), fill(-4, 150, MONDAY), fill(-1, 120), prices=at(110))
    )
    assert (row["quantity"], row["sell_quantity"]) == (5, 1)
    assert (row["realised_pnl"], row["unrealised_pnl"]) == ("20000000", "50000000")
    row = position(shown(fill(10, 100, FRIDAY), fill(-4, 150, MONDAY)))
    assert row["realised_pnl"] == "0"


def test_the_multiplier_scales_money_not_price_or_quantity() -> None:
    row = position(shown(fill(2, 6000), fill(-1, 6010), prices=at(6020, multiplier=100)))
    assert (row["quantity"], row["average_price"], row["multiplier"]) == (1, 6_000_000_000, 100)
    assert (row["realised_pnl"], row["unrealised_pnl"]) == ("1000000000", "2000000000")


@pytest.mark.parametrize("prices", [{}, {("NSE", "INFY"): (1, None)}])
def test_a_missing_price_is_none_never_zero(prices: Prices) -> None:
    got = shown(fill(10, 100), fill(3, 50, FRIDAY, "CNC"), prices=prices)
    for row in (position(got), *got.holdings):
        assert (row["unrealised_pnl"], row["last_price"]) == (None, None)
    assert len(got.holdings) == 1


@pytest.mark.parametrize("symbols", [("INFY", "TCS"), ("TCS", "INFY"), ("AAA", "INFY")])
def test_one_missing_price_leaves_the_other_positions_value_known(
    symbols: tuple[str, str],
) -> None:
    got = shown(*(fill(1, 100, symbol=symbol) for symbol in symbols), prices=at(110))
    by_symbol = {row["symbol"]: row["unrealised_pnl"] for row in got.positions}
    assert by_symbol.pop("INFY") == "10000000"
    assert list(by_symbol.values()) == [None]


def test_two_accounts_do_not_mix() -> None:
    got = shown(
        fill(10, 100),
        fill(-10, 105, account_id=2),
        fill(-5, 120),
        fill(5, 100, account_id=2),
        prices=at(110),
    )
    values = ("account_id", "quantity", "realised_pnl", "unrealised_pnl")
    assert [tuple(row[name] for name in values) for row in got.positions] == [
        (1, 5, "100000000", "50000000"),
        (2, -5, "25000000", "-25000000"),
    ]


def test_exchange_symbol_and_product_are_queues_of_their_own() -> None:
    got = shown(
        fill(10, 100),
        fill(-10, 110, product="NRML"),
        fill(-10, 110, exchange="BSE"),
        fill(-10, 110, symbol="TCS"),
    )
    keys = [(row["exchange"], row["symbol"], row["product"]) for row in got.positions]
    assert keys == sorted(keys)
    assert [row["quantity"] for row in got.positions] == [-10, 10, -10, -10]
    assert {row["realised_pnl"] for row in got.positions} == {"0"}


def test_intraday_positions_of_one_isin_stay_with_their_exchange() -> None:
    got = shown(fill(10, 100), fill(-10, 110, exchange="BSE"), prices=at(101))
    rows = [(row["exchange"], row["quantity"], row["realised_pnl"]) for row in got.positions]
    assert rows == [("BSE", -10, "0"), ("NSE", 10, "0")]


def test_profit_is_exact_beyond_64_bits() -> None:
    quantity, dear = 3 * 10**12, 9 * 10**6
    row = position(shown(fill(quantity, 1), fill(-quantity, dear), prices=at(dear)))
    assert row["realised_pnl"] == str(quantity * (dear - 1) * 10**6)
    assert int(row["realised_pnl"]) > 2**64
    row = position(shown(fill(quantity, 1), prices=at(dear)))
    assert row["unrealised_pnl"] == str(quantity * (dear - 1) * 10**6)


def test_average_is_rounded_half_even_for_long_and_short_alike() -> None:
    for sign in (1, -1):
        row = position(shown(fill(sign, 100), fill(2 * sign, 101)))
        assert row["average_price"] == 100_666_667
        halves = [trade(sign, price, TODAY, "MIS") for price in (10, 11)]
        assert position(shown(*halves))["average_price"] == 10


def test_assumed_units_of_a_position_are_counted() -> None:
    got = shown(
        fill(-75, 100, FRIDAY, "NRML", fill_id=f"{ASSUMED}:NSE:INFY"),
        fill(-25, 110, MONDAY, "NRML"),
        fill(50, 90, product="NRML"),
    )
    row = position(got)
    assert (row["quantity"], row["assumed_quantity"]) == (-50, -25)


def test_an_expired_position_shows_its_profit_on_that_day_only() -> None:
    item = {"product": "NRML", "exchange": "NFO", "symbol": "INFY26MARFUT"}
    for expiry, rows in ((TODAY, [(0, "25000000")]), (MONDAY, [])):
        facts = Facts(settlements=(Settlement("NFO", "INFY26MARFUT", expiry, 105_000_000),))
        got = shown(fill(5, 100, FRIDAY, **item), facts=facts)
        assert [(row["quantity"], row["realised_pnl"]) for row in got.positions] == rows


def test_the_same_fills_make_the_same_rows_in_any_order() -> None:
    trades = [fill(10, 100), fill(-4, 105), fill(3, 90, FRIDAY, "CNC"), fill(1, 1, symbol="TCS")]
    assert shown(*trades, prices=at(99)) == shown(*trades[::-1], prices=at(99))
