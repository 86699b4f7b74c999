"""What positions and holdings come to, before and behind each broker's names for them."""

from dataclasses import replace
from datetime import datetime, timedelta

import orjson
import pytest

from tradesync_dagster.brokers.exchange import autotrader_wire, figures, kite_wire, upstox_wire
from tradesync_dagster.brokers.exchange.market import Market, MarketRules
from tradesync_dagster.brokers.exchange.orders import OrderRequest
from tradesync_dagster.brokers.exchange.units import IST, SCALE

START = datetime(2025, 11, 17, 9, 20, tzinfo=IST)
USER = "SIM001"
BUY = OrderRequest("ITC", "NSE", "BUY", 10, "CNC")


@pytest.mark.parametrize(("sold", "free", "unsettled"), [(0, 10, 5), (7, 3, 5), (12, 0, 3)])
def test_settled_shares_are_sold_first(sold: int, free: int, unsettled: int) -> None:
    market = Market(MarketRules(seed=7, accounts=1, start=START))
    market.place(USER, BUY, START)
    market.place(USER, replace(BUY, quantity=5), START + timedelta(days=1))
    third = START + timedelta(days=2)
    market.advance(third)
    if sold:
        market.place(USER, replace(BUY, side="SELL", quantity=sold), third)
    account = market.accounts[USER]
    (one,) = figures.holdings(market, account)
    assert (one.opening, one.settled, one.sold) == (15, 10, sold)
    assert (one.free, one.unsettled_left) == (free, unsettled)
    (kite,) = kite_wire.holdings(market, account)
    assert (kite["quantity"], kite["t1_quantity"], kite["used_quantity"]) == (free, unsettled, sold)
    (upstox,) = upstox_wire.holdings(market, account)
    assert (upstox["quantity"], upstox["t1_quantity"], upstox["cnc_used_quantity"]) == (15, 5, sold)


def test_a_position_is_valued_with_its_multiplier_and_both_signs() -> None:
    market = Market(MarketRules(seed=7, accounts=1, start=START))
    (item,) = (one for one in market.instruments.values() if one.name == "CRUDEOIL")
    assert item.multiplier == 100
    market.place(USER, OrderRequest(item.symbol, "MCX", "SELL", 1, "NRML"), START)
    market.tape.last[item.key] += 3 * SCALE
    account = market.accounts[USER]
    (one,) = figures.positions(market, account)
    assert (one.quantity, one.pnl) == (-1, -300 * SCALE)
    assert one.average_price == one.sell_price == one.day_sell_price == account.fills[0].price
    (kite,) = kite_wire.positions(market, account)["net"]
    (upstox,) = upstox_wire.positions(market, account)
    assert orjson.dumps(kite["pnl"]) == orjson.dumps(upstox["pnl"]) == b"-300"
    brought = one.sell_value // SCALE
    assert (orjson.dumps(kite["value"]), orjson.dumps(upstox["value"])) == (
        str(brought).encode(), str(-brought).encode(),
    )  # fmt: skip
    assert upstox["instrument_token"] == f"MCX_FO|{item.token >> 8}"


def test_the_days_own_positions_are_those_traded_today_without_what_was_carried() -> None:
    market = Market(MarketRules(seed=7, accounts=1, start=START))
    for name in ("CRUDEOIL", "GOLDPETAL"):
        (item,) = (one for one in market.instruments.values() if one.name == name)
        market.place(USER, OrderRequest(item.symbol, "MCX", "BUY", 2, "NRML"), START)
    market.advance(START + timedelta(days=1))
    again = OrderRequest(item.symbol, "MCX", "SELL", 1, "NRML")
    market.place(USER, again, START + timedelta(days=1))
    kite = kite_wire.positions(market, market.accounts[USER])
    assert [(row["overnight_quantity"], row["quantity"]) for row in kite["net"]] == [(2, 2), (2, 1)]
    assert [(row["overnight_quantity"], row["quantity"]) for row in kite["day"]] == [(0, -1)]
    autotrader = autotrader_wire.positions(market, market.accounts[USER])
    assert [(row["category"], row["netQuantity"]) for row in autotrader] == [
        ("NET", 2), ("NET", 1), ("DAY", -1),
    ]  # fmt: skip
