"""Positions and holdings from fills, by example."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.domain.positions import Prices, Rebuilt, rebuild

FRIDAY = date(2026, 2, 27)
MONDAY = date(2026, 3, 2)
TODAY = date(2026, 3, 3)
_numbers = count(1)


def fill(
    quantity: int,
    rupees: int,
    *,
    day: date = TODAY,
    product: str = "MIS",
    symbol: str = "INFY",
    exchange: str = "NSE",
) -> Fill:
    """Make a fill; a negative quantity is a sell."""
    number = next(_numbers)
    return Fill(
        trade_id=f"T{number:06}",
        broker_order_id=f"B{number}",
        trade_date=day,
        exchange=exchange,
        symbol=symbol,
        product=product,
        side=Side.BUY if quantity > 0 else Side.SELL,
        quantity=abs(quantity),
        price=rupees * 10**6,
        filled_at=datetime(day.year, day.month, day.day, 5, tzinfo=UTC) + timedelta(seconds=number),
    )


def books(*fills: Fill, prices: Prices | None = None, today: date = TODAY) -> Rebuilt:
    return rebuild([(1, f) for f in fills], prices or {}, today, MONDAY)


def at(rupees: int, multiplier: int = 1) -> Prices:
    return {("NSE", "INFY"): (multiplier, rupees * 10**6)}


def position(rebuilt: Rebuilt) -> dict[str, Any]:
    [row] = rebuilt.positions
    return row


def test_nothing_makes_nothing() -> None:
    assert books() == Rebuilt()


def test_long_position_with_its_whole_row() -> None:
    got = books(fill(10, 100), fill(10, 110), fill(-15, 120), prices=at(130))
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
        }
    ]
    assert got.holdings == []
    assert got.realised == {1: 250_000_000}
    assert got.unrealised == {1: 100_000_000}


def test_short_position_gains_when_the_price_falls() -> None:
    got = books(fill(-10, 100), fill(4, 90), prices=at(95))
    row = position(got)
    assert (row["quantity"], row["average_price"]) == (-6, 100_000_000)
    assert got.realised == {1: 40_000_000}
    assert got.unrealised == {1: 30_000_000}


def test_flip_through_zero() -> None:
    got = books(fill(10, 100), fill(-25, 110), prices=at(105))
    row = position(got)
    assert (row["quantity"], row["average_price"]) == (-15, 110_000_000)
    assert (got.realised, got.unrealised) == ({1: 100_000_000}, {1: 75_000_000})
    assert [(lot["quantity"], lot["price"]) for lot in got.lots] == [(-15, 110_000_000)]


def test_a_flat_position_of_today_stays_with_its_profit_and_needs_no_price() -> None:
    got = books(fill(10, 100), fill(-10, 99))
    row = position(got)
    assert (row["quantity"], row["average_price"], row["unrealised_pnl"]) == (0, 0, "0")
    assert (row["realised_pnl"], got.unrealised) == ("-10000000", {1: 0})


def test_a_flat_position_of_another_day_is_gone_but_its_profit_is_not() -> None:
    got = books(fill(10, 100, day=FRIDAY), fill(-10, 110, day=MONDAY))
    assert (got.positions, got.holdings, got.lots) == ([], [], [])
    assert got.realised == {1: 100_000_000}


def test_a_carried_position_of_another_product_stays_a_position() -> None:
    got = books(fill(10, 100, day=FRIDAY, product="NRML"))
    row = position(got)
    assert (row["quantity"], row["buy_quantity"], row["sell_quantity"]) == (10, 0, 0)
    assert got.holdings == []


@pytest.mark.parametrize(
    ("day", "positions", "holdings"),
    [
        pytest.param(TODAY, [10], [], id="a position on its day"),
        pytest.param(MONDAY, [], [(0, 10)], id="T1 on the next trading day"),
        pytest.param(FRIDAY, [], [(10, 0)], id="settled after that"),
    ],
)
def test_a_delivery_buy_ages(
    day: date, positions: list[int], holdings: list[tuple[int, int]]
) -> None:
    got = books(fill(10, 100, day=day, product="CNC"), prices=at(101))
    assert [row["quantity"] for row in got.positions] == positions
    assert [(row["quantity"], row["t1_quantity"]) for row in got.holdings] == holdings
    assert got.unrealised == {1: 10_000_000}


def test_a_holding_of_two_ages_is_one_row() -> None:
    got = books(
        fill(10, 100, day=FRIDAY, product="CNC"),
        fill(5, 130, day=MONDAY, product="CNC"),
        prices=at(120),
    )
    assert got.holdings == [
        {
            "account_id": 1,
            "exchange": "NSE",
            "symbol": "INFY",
            "quantity": 10,
            "t1_quantity": 5,
            "average_price": 110_000_000,
            "unrealised_pnl": str((10 * 20 - 5 * 10) * 10**6),
            "last_price": 120_000_000,
        }
    ]


def test_a_sold_holding_is_a_negative_position_and_a_reduced_holding() -> None:
    got = books(
        fill(10, 100, day=FRIDAY, product="CNC"), fill(-4, 110, product="CNC"), prices=at(120)
    )
    row = position(got)
    assert (row["quantity"], row["sell_quantity"], row["average_price"]) == (-4, 4, 0)
    assert (row["realised_pnl"], row["unrealised_pnl"]) == ("40000000", "0")
    [holding] = got.holdings
    assert (holding["quantity"], holding["unrealised_pnl"]) == (6, "120000000")
    assert got.unrealised == {1: 120_000_000}


def test_a_holding_sold_out_leaves_only_the_negative_position() -> None:
    got = books(fill(10, 100, day=FRIDAY, product="CNC"), fill(-10, 110, product="CNC"))
    assert position(got)["quantity"] == -10
    assert got.holdings == []


def test_the_multiplier_scales_money_not_price_or_quantity() -> None:
    got = books(fill(2, 6000), fill(-1, 6010), prices=at(6020, multiplier=100))
    row = position(got)
    assert (row["quantity"], row["average_price"], row["multiplier"]) == (1, 6_000_000_000, 100)
    assert (row["realised_pnl"], row["unrealised_pnl"]) == ("1000000000", "2000000000")
    assert (got.realised, got.unrealised) == ({1: 10**9}, {1: 2 * 10**9})


@pytest.mark.parametrize("prices", [{}, {("NSE", "INFY"): (1, None)}])
def test_a_missing_price_is_none_never_zero(prices: Prices) -> None:
    got = books(fill(10, 100), fill(3, 50, day=FRIDAY, product="CNC"), prices=prices)
    assert position(got)["unrealised_pnl"] is None
    assert position(got)["last_price"] is None
    assert got.holdings[0]["unrealised_pnl"] is None
    assert (got.realised, got.unrealised) == ({1: 0}, {1: None})


@pytest.mark.parametrize("symbols", [("INFY", "TCS"), ("TCS", "INFY"), ("AAA", "INFY")])
def test_one_missing_price_makes_the_whole_accounts_value_unknown(
    symbols: tuple[str, str],
) -> None:
    got = books(*(fill(1, 100, symbol=symbol) for symbol in symbols), prices=at(110))
    assert got.unrealised == {1: None}
    by_symbol = {row["symbol"]: row["unrealised_pnl"] for row in got.positions}
    assert by_symbol["INFY"] == "10000000"


def test_two_accounts_do_not_mix() -> None:
    fills = [(1, fill(10, 100)), (2, fill(-10, 105)), (1, fill(-5, 120)), (2, fill(5, 100))]
    got = rebuild(fills, at(110), TODAY, MONDAY)
    assert [(row["account_id"], row["quantity"]) for row in got.positions] == [(1, 5), (2, -5)]
    assert got.realised == {1: 100_000_000, 2: 25_000_000}
    assert got.unrealised == {1: 50_000_000, 2: -25_000_000}
    assert [(lot["account_id"], lot["quantity"]) for lot in got.lots] == [(1, 5), (2, -5)]


def test_exchange_symbol_and_product_are_queues_of_their_own() -> None:
    got = books(
        fill(10, 100),
        fill(-10, 110, product="NRML"),
        fill(-10, 110, exchange="BSE"),
        fill(-10, 110, symbol="TCS"),
    )
    keys = [(row["exchange"], row["symbol"], row["product"]) for row in got.positions]
    assert keys == sorted(keys)
    assert [row["quantity"] for row in got.positions] == [-10, 10, -10, -10]
    assert got.realised == {1: 0}


def test_lots_name_the_fills_that_opened_them() -> None:
    first, second = fill(10, 100, day=MONDAY), fill(7, 101)
    got = books(first, second, fill(-4, 105))
    names = {"account_id": 1, "exchange": "NSE", "symbol": "INFY", "product": "MIS"}
    assert got.lots == [
        {
            **names,
            "trade_date": found.trade_date,
            "fill_id": found.fill_id,
            "opened_at": found.filled_at,
            "quantity": quantity,
            "price": found.price,
        }
        for found, quantity in ((first, 6), (second, 7))
    ]


def test_profit_is_exact_beyond_64_bits() -> None:
    quantity, dear = 3 * 10**12, 9 * 10**6
    got = books(fill(quantity, 1), fill(-quantity, dear), prices=at(dear))
    assert got.realised == {1: quantity * (dear - 1) * 10**6}
    assert position(got)["realised_pnl"] == str(quantity * (dear - 1) * 10**6)
    held = books(fill(quantity, 1), prices=at(dear))
    assert held.unrealised == {1: quantity * (dear - 1) * 10**6}


def test_average_is_rounded_half_even_for_long_and_short_alike() -> None:
    assert position(books(fill(1, 100), fill(2, 101)))["average_price"] == 100_666_667
    assert position(books(fill(-1, 100), fill(-2, 101)))["average_price"] == 100_666_667


def test_the_same_fills_make_the_same_rows() -> None:
    fills = [fill(10, 100), fill(-4, 105), fill(3, 90, day=FRIDAY, product="CNC")]
    assert books(*fills, prices=at(99)) == books(*fills, prices=at(99))
