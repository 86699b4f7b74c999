"""Delivery by example: positions on their day, holdings after it, one security on two exchanges."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tradesync_dagster.domain.bookkeeping import as_converted
from tradesync_dagster.domain.facts import Conversion, Facts
from tradesync_dagster.domain.openings import ASSUMED
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.domain.positions import Prices, Shown, show
from tradesync_dagster_tests.support.book_frames import (
    INFY,
    LISTED,
    Trade,
    fills_of,
    kept,
    trade,
)

FRIDAY = date(2026, 2, 27)
MONDAY = date(2026, 3, 2)
TODAY = date(2026, 3, 3)
FACTS = Facts(LISTED)


def fill(quantity: int, rupees: int, day: date = TODAY, **more: Any) -> Trade:
    return trade(quantity, rupees * 10**6, day, **({"product": "CNC"} | more))


def shown(*trades: Trade, prices: Prices | None = None, facts: Facts = FACTS) -> Shown:
    """Keep books of the fills and show them as of today."""
    fills, today = fills_of(trades), TODAY.toordinal()
    books = kept(trades, facts)
    lots, days = books.lots, books.days
    return show(
        lots[(lots["held_from"] <= today) & (lots["held_to"] > today)],
        as_converted(fills[fills["trade_date"] == today], facts, today),
        days[days["trade_date"] == today],
        prices or {},
        TODAY,
        MONDAY,
    )


def at(rupees: int) -> Prices:
    return {("NSE", "INFY"): (1, rupees * 10**6)}


def of(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


@pytest.mark.parametrize(
    ("day", "positions", "holdings"),
    [
        pytest.param(TODAY, [(10,)], [], id="a position on its day"),
        pytest.param(MONDAY, [], [(0, 10)], id="T1 on the next trading day"),
        pytest.param(FRIDAY, [], [(10, 0)], id="settled after that"),
    ],
)
@pytest.mark.parametrize("product", ["CNC", "MTF"])
def test_a_delivery_buy_ages(
    day: date, positions: list[Any], holdings: list[Any], product: str
) -> None:
    got = shown(fill(10, 100, day, product=product), prices=at(101))
    assert of(got.positions, "quantity") == positions
    assert of(got.holdings, "quantity", "t1_quantity") == holdings
    for row in (*got.positions, *got.holdings):
        assert (row["product"], row["unrealised_pnl"]) == (product, "10000000")


def test_a_holding_of_two_ages_is_one_row() -> None:
    got = shown(fill(10, 100, FRIDAY), fill(5, 130, MONDAY), prices=at(120))
    assert got.holdings == [
        {
            "account_id": 1,
            "exchange": "NSE",
            "symbol": "INFY",
            "product": "CNC",
            "isin": INFY,
            "quantity": 10,
            "t1_quantity": 5,
            "average_price": 110_000_000,
            "unrealised_pnl": str((10 * 20 - 5 * 10) * 10**6),
            "last_price": 120_000_000,
            "assumed_quantity": 0,
        }
    ]


def test_a_holding_without_an_isin_is_named_by_its_symbol() -> None:
    [row] = shown(fill(10, 100, FRIDAY), facts=Facts()).holdings
    assert (row["isin"], row["symbol"]) == ("", "INFY")


def test_a_sold_holding_is_a_negative_position_and_a_reduced_holding() -> None:
    got = shown(fill(10, 100, FRIDAY), fill(-4, 110), prices=at(120))
    [row] = got.positions
    assert (row["quantity"], row["sell_quantity"]) == (-4, 4)
    assert row["average_price"] == 110_000_000, "what it was sold at"
    assert (row["realised_pnl"], row["unrealised_pnl"]) == ("40000000", "0")
    assert of(got.holdings, "quantity", "unrealised_pnl") == [(6, "120000000")]
    assert got.missing == {}


def test_a_holding_sold_out_leaves_only_the_negative_position() -> None:
    got = shown(fill(10, 100, FRIDAY), fill(-10, 110))
    assert of(got.positions, "quantity") == [(-10,)]
    assert got.holdings == []


def test_what_was_sold_from_holdings_yesterday_is_no_position_today() -> None:
    got = shown(fill(10, 100, FRIDAY), fill(-4, 110, MONDAY))
    assert got.positions == []
    assert of(got.holdings, "quantity", "t1_quantity") == [(6, 0)]


def test_what_is_bought_and_sold_on_one_day_nets_before_old_lots() -> None:
    got = shown(fill(10, 100, FRIDAY), fill(-6, 130), fill(4, 120), prices=at(125))
    # Four pair with today's buy at 120; only two come out of the holding at 100.
    [row] = got.positions
    assert (row["quantity"], row["average_price"]) == (-2, 130_000_000)
    assert row["realised_pnl"] == str((4 * 10 + 2 * 30) * 10**6)
    assert of(got.holdings, "quantity", "average_price") == [(8, 100_000_000)]


def test_old_lots_stay_whole_where_the_day_bought_more_than_it_sold() -> None:
    got = shown(fill(10, 100, FRIDAY), fill(7, 120), fill(-4, 130), prices=at(125))
    assert of(got.positions, "quantity", "average_price", "realised_pnl", "unrealised_pnl") == [
        (3, 120_000_000, "40000000", "15000000")
    ]
    assert of(got.holdings, "quantity", "average_price") == [(10, 100_000_000)]


def test_shares_bought_on_one_exchange_can_be_sold_on_the_other() -> None:
    got = shown(fill(10, 100, FRIDAY), fill(-4, 110, exchange="BSE"), prices=at(120))
    assert of(got.positions, "exchange", "quantity", "realised_pnl") == [("BSE", -4, "40000000")]
    assert of(got.holdings, "exchange", "quantity") == [("NSE", 6)]
    assert got.missing == {}


def test_shares_bought_on_both_exchanges_are_one_holding() -> None:
    got = shown(
        fill(10, 100, FRIDAY),
        fill(10, 110, FRIDAY, exchange="BSE"),
        fill(-15, 120, MONDAY, exchange="BSE"),
        prices={("NSE", "INFY"): (1, 121_000_000), ("BSE", "INFY"): (1, 122_000_000)},
    )
    assert of(got.holdings, "exchange", "quantity", "average_price", "last_price") == [
        ("BSE", 5, 110_000_000, 122_000_000)
    ]
    got = shown(fill(10, 100, FRIDAY), fill(10, 110, MONDAY, exchange="BSE"), prices=at(120))
    assert of(got.holdings, "exchange", "quantity", "t1_quantity", "average_price") == [
        ("NSE", 10, 10, 105_000_000)
    ]


def test_two_exchanges_on_one_day_net_by_security_and_show_by_exchange() -> None:
    got = shown(fill(10, 100), fill(-10, 110, exchange="BSE"), prices=at(120))
    assert of(got.positions, "exchange", "quantity", "average_price", "unrealised_pnl") == [
        ("BSE", -10, 110_000_000, "0"),
        ("NSE", 10, 100_000_000, "0"),
    ]
    assert sum(int(row["realised_pnl"]) for row in got.positions) == 100_000_000
    assert (got.holdings, got.missing) == ([], {})


def test_delivery_sold_beyond_what_is_held_is_missing() -> None:
    got = shown(fill(3, 100, FRIDAY), fill(-10, 110), fill(-2, 110, MONDAY, symbol="TCS"))
    assert got.missing == {(1, INFY, "CNC"): 7, (1, "NSE:TCS", "CNC"): 2}
    assert of(got.positions, "symbol", "quantity", "realised_pnl") == [("INFY", -10, "30000000")]
    assert got.holdings == []


def test_an_intraday_short_misses_nothing() -> None:
    assert shown(fill(-10, 100, product="MIS")).missing == {}


def test_assumed_units_of_a_holding_are_counted() -> None:
    opening = fill(10, 100, FRIDAY, fill_id=f"{ASSUMED}:NSE:INFY")
    arriving = fill(5, 100, MONDAY, fill_id=f"{ASSUMED}-t1:NSE:INFY")
    got = shown(opening, arriving, fill(2, 100, MONDAY), fill(-4, 110))
    assert of(got.holdings, "quantity", "t1_quantity", "assumed_quantity") == [(6, 7, 11)]
    assert of(got.positions, "assumed_quantity") == [(0,)]


def test_sizes_beyond_64_bits_stay_exact() -> None:
    quantity, dear = 3 * 10**12, 9 * 10**6
    [row] = shown(fill(quantity, 1, FRIDAY), prices=at(dear)).holdings
    assert row["unrealised_pnl"] == str(quantity * (dear - 1) * 10**6)
    [row] = shown(fill(quantity, 1, FRIDAY), fill(-quantity, dear)).positions
    assert row["realised_pnl"] == str(quantity * (dear - 1) * 10**6)


def test_units_converted_on_their_day_are_a_position_of_the_new_product() -> None:
    move = Conversion(1, "C1", TODAY, "NSE", "INFY", Side.BUY, "MIS", "CNC", 4, overnight=False)
    facts = replace(FACTS, conversions=(move,))
    got = shown(fill(10, 100, product="MIS"), prices=at(101), facts=facts)
    assert of(got.positions, "product", "quantity", "unrealised_pnl") == [
        ("CNC", 4, "4000000"),
        ("MIS", 6, "6000000"),
    ]
