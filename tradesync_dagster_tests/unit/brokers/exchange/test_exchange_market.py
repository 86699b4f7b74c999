"""The simulated exchange's market, without HTTP."""

from dataclasses import replace
from datetime import datetime, timedelta

import orjson
import pytest

from tradesync_dagster.brokers.exchange import kite_wire as wire
from tradesync_dagster.brokers.exchange import truth
from tradesync_dagster.brokers.exchange.instruments import isin_of
from tradesync_dagster.brokers.exchange.ledger import Lot, net_off
from tradesync_dagster.brokers.exchange.market import Market, MarketRules
from tradesync_dagster.brokers.exchange.orders import OrderChange, OrderRequest, RefusedError
from tradesync_dagster.brokers.exchange.people import Habits, People
from tradesync_dagster.brokers.exchange.units import IST, SCALE, Dice, average, money, parse, text

START = datetime(2025, 11, 17, 9, 20, tzinfo=IST)
USER = "SIM001"
BUY = OrderRequest("ITC", "NSE", "BUY", 10, "CNC")


@pytest.fixture
def market() -> Market:
    return Market(MarketRules(seed=7, accounts=3, start=START))


def test_numbers_are_exact() -> None:
    assert parse("109.35") == 109_350_000
    assert text(109_350_000) == "109.35"
    assert text(-50_000) == "-0.05"
    assert text(7 * SCALE) == "7"
    assert money(95_417_840_000) == "95417.84"
    assert average(100_050_000 * 2 + 100_100_000, 3) == 100_066_667
    for wrong in ("0.0000001", "nan", "inf", "x", "1e30"):
        with pytest.raises(ValueError, match=wrong):
            parse(wrong)


def test_dice_are_fixed_for_all_time() -> None:
    dice = Dice(7)
    assert [dice.below(1000) for _ in range(3)] == [484, 676, 875]


def test_isin_has_a_check_digit() -> None:
    isins = {isin_of(number) for number in range(101, 400, 7)}
    assert all(len(isin) == 12 and isin.startswith("INE") for isin in isins)
    assert len(isins) == 43


def test_small_market_order_fills_at_once(market: Market) -> None:
    last = market.tape.last["NSE:ITC"]
    order = market.place(USER, BUY, START)
    assert (order.status, order.filled, order.average_price) == ("COMPLETE", 10, last)
    assert [event.status for event in order.history] == [
        "PUT ORDER REQ RECEIVED",
        "VALIDATION PENDING",
        "OPEN PENDING",
        "OPEN",
        "COMPLETE",
    ]


def test_large_order_fills_in_parts(market: Market) -> None:
    order = market.place(USER, replace(BUY, quantity=1000), START)
    assert order.status == "OPEN"
    assert 0 < order.filled < 1000
    for row in range(1, 200):
        if not order.is_open:
            break
        market.step(START + timedelta(seconds=row))
    assert order.status == "COMPLETE"
    fills = [fill for fill in market.accounts[USER].fills if fill.order_id == order.order_id]
    assert len(fills) > 2
    assert sum(fill.quantity for fill in fills) == 1000
    assert len({fill.trade_id for fill in fills}) == len(fills)


def test_resting_limit_order_is_modified_and_cancelled(market: Market) -> None:
    limit = market.tape.last["NSE:ITC"] - 5 * SCALE
    order = market.place(USER, replace(BUY, order_type="LIMIT", price=limit), START)
    assert order.status == "OPEN"
    market.modify(USER, order.order_id, OrderChange(quantity=7), START)
    market.cancel(USER, order.order_id, START)
    assert [event.status for event in order.history][4:] == [
        "MODIFY VALIDATION PENDING",
        "MODIFY PENDING",
        "MODIFIED",
        "OPEN",
        "CANCEL PENDING",
        "CANCELLED",
    ]
    assert (order.quantity, order.cancelled, order.pending) == (7, 7, 7)
    with pytest.raises(RefusedError, match="cannot be cancelled as it is being processed"):
        market.cancel(USER, order.order_id, START)


def test_stop_order_waits_for_its_trigger(market: Market) -> None:
    trigger = market.tape.last["NSE:ITC"] + 10 * market.instruments["NSE:ITC"].tick
    stop = replace(BUY, order_type="SL-M", trigger_price=trigger)
    order = market.place(USER, stop, START)
    assert order.status == "TRIGGER PENDING"
    market.tape.last["NSE:ITC"] = trigger + 20 * SCALE
    market.step(START)
    assert order.status == "COMPLETE"
    assert order.average_price >= trigger


def test_ioc_leaves_nothing_in_the_book(market: Market) -> None:
    order = market.place(USER, replace(BUY, quantity=1200, validity="IOC"), START)
    assert order.status == "CANCELLED"
    assert order.filled + order.cancelled == 1200
    assert order.filled > 0


def test_ttl_ends_by_itself(market: Market) -> None:
    limit = market.tape.last["NSE:ITC"] - 20 * SCALE
    wanted = replace(BUY, order_type="LIMIT", price=limit, validity="TTL", validity_ttl=2)
    order = market.place(USER, wanted, START)
    market.step(START + timedelta(seconds=119))
    assert order.status == "OPEN"
    market.step(START + timedelta(seconds=120))
    assert order.status == "CANCELLED"


def test_rejections_use_the_brokers_words(market: Market) -> None:
    rows = (
        (replace(BUY, quantity=20_000), "Insufficient funds. Required margin is 8620000.00 but"),
        (replace(BUY, side="SELL"), "Insufficient stock holding. Holding quantity: 0"),
        (
            replace(BUY, order_type="LIMIT", price=700 * SCALE),
            "Your order price is higher than the current upper circuit limit of 474.1",
        ),
        (
            replace(BUY, symbol="IDEA", product="MIS", quantity=100_001),
            "above the freeze quantity of 100000",
        ),
    )
    for wanted, words in rows:
        order = market.place(USER, wanted, START)
        assert order.status == "REJECTED"
        assert order.message is not None
        assert words in order.message
        assert order.message_raw
        assert (order.pending, order.filled, order.exchange_order_id) == (0, 0, None)


def test_refusals_make_no_order(market: Market) -> None:
    rows = (
        (replace(BUY, quantity=1_000_000), "Insufficient funds"),
        (replace(BUY, symbol="NOSUCH"), "expired or does not exist"),
        (replace(BUY, order_type="LIMIT", price=431_010_000), "Tick size for this script is 0.05"),
        (replace(BUY, product="NRML"), "Invalid `product`"),
        (replace(BUY, order_type="LIMIT"), "empty field `price`"),
        (replace(BUY, order_type="SL-M"), "empty field `trigger_price`"),
        (replace(BUY, quantity=0), "Invalid `quantity`"),
    )
    for wanted, words in rows:
        with pytest.raises(RefusedError, match=words):
            market.place(USER, wanted, START)
    assert market.accounts[USER].orders == {}


def test_delivery_settles_over_two_days(market: Market) -> None:
    market.place(USER, BUY, START)
    account = market.accounts[USER]
    isin = market.instruments["NSE:ITC"].isin
    market.advance(START + timedelta(days=1))
    (row,) = wire.holdings(market, account)
    assert (row["quantity"], row["t1_quantity"], row["opening_quantity"]) == (0, 10, 10)
    assert account.orders == {}
    market.advance(START + timedelta(days=2))
    (row,) = wire.holdings(market, account)
    assert (row["quantity"], row["t1_quantity"]) == (10, 0)
    sale = market.place(
        USER, replace(BUY, exchange="BSE", side="SELL", quantity=4), START + timedelta(days=2)
    )
    assert sale.status == "COMPLETE"
    (row,) = wire.holdings(market, account)
    assert (row["quantity"], row["used_quantity"], row["opening_quantity"]) == (6, 4, 10)
    (net,) = wire.positions(market, account)["net"]
    assert (net["exchange"], net["quantity"]) == ("BSE", -4)
    market.advance(START + timedelta(days=3))
    assert account.holdings[isin].quantity == 6
    assert account.today == {}


def test_derivatives_are_carried_with_their_multiplier(market: Market) -> None:
    crude = next(item for item in market.instruments.values() if item.multiplier == 100)
    wanted = OrderRequest(crude.symbol, "MCX", "BUY", 1, "NRML")
    price = market.place(USER, wanted, START).average_price
    market.advance(START + timedelta(days=1))
    market.place(USER, replace(wanted, side="SELL"), START + timedelta(days=1))
    (net,) = wire.positions(market, market.accounts[USER])["net"]
    assert (net["quantity"], net["overnight_quantity"], net["multiplier"]) == (0, 1, 100)
    assert (net["buy_quantity"], net["day_buy_quantity"], net["day_sell_quantity"]) == (1, 0, 1)
    assert orjson.dumps(net["buy_value"]) == text(price * 100).encode()
    market.advance(START + timedelta(days=2))
    assert market.accounts[USER].carried == {}


def test_orders_expire_and_amos_live_on(market: Market) -> None:
    limit = market.tape.last["NSE:ITC"] - 20 * SCALE
    resting = market.place(USER, replace(BUY, order_type="LIMIT", price=limit), START)
    amo = market.place(USER, replace(BUY, variety="amo"), START)
    market.step(START + timedelta(hours=1))
    assert amo.status == "AMO REQ RECEIVED"
    market.step(START + timedelta(days=1))
    assert (resting.status, resting.expired) == ("CANCELLED", True)
    assert resting.updated_at == START.replace(hour=23, minute=59, second=59)
    assert amo.status == "COMPLETE"
    assert list(market.accounts[USER].orders) == [amo.order_id]
    assert amo.order_id.startswith("251117")


def test_closed_market_takes_only_amos() -> None:
    market = Market(MarketRules(7, 1, START.replace(hour=20), always_open=False))
    with pytest.raises(RefusedError, match="Markets are closed"):
        market.place(USER, BUY, START.replace(hour=20))
    amo = market.place(USER, replace(BUY, variety="amo"), START.replace(hour=20))
    market.step(START.replace(hour=21))
    assert amo.status == "AMO REQ RECEIVED"
    market.step(START + timedelta(days=1))
    assert amo.status == "COMPLETE"


def test_signed_lots_close_oldest_first() -> None:
    day = START.date()
    lots = [Lot(5, 100, day), Lot(5, 110, day)]
    net_off(lots, -7, 120, day)
    assert [(lot.quantity, lot.price) for lot in lots] == [(3, 110)]
    net_off(lots, -5, 130, day)
    assert [(lot.quantity, lot.price) for lot in lots] == [(-2, 130)]


def _lived(seed: int) -> list[dict[str, object]]:
    market = Market(MarketRules(seed, 12, START))
    people = People(seed, Habits(0.3, "desk"))
    people.live_through(market, START + timedelta(days=4))
    return [truth.account(market, user) for user in market.accounts]


def test_same_seed_same_life_and_another_seed_another() -> None:
    first, second = _lived(7), _lived(7)
    assert first == second
    assert first != _lived(8)
    orders = [order for row in first for order in row["orders"]]  # type: ignore[attr-defined]
    assert len(orders) > 50
    assert {"COMPLETE", "CANCELLED"} <= {order["status"] for order in orders}
    assert any(order["tag"] for order in orders)


def test_cash_follows_the_fills() -> None:
    market = Market(MarketRules(7, 12, START))
    before = {user: account.cash for user, account in market.accounts.items()}
    People(7, Habits()).live_through(market, START + timedelta(days=3))
    for user, account in market.accounts.items():
        spent = sum(fill.signed * fill.price * fill.instrument.multiplier
                    for fill in account.earlier_fills)  # fmt: skip
        assert account.cash == before[user] - spent


def test_fills_add_up_to_positions_and_holdings() -> None:
    market = Market(MarketRules(11, 20, START))
    people = People(11, Habits(0.5))
    people.live_through(market, START + timedelta(days=9))
    at = START + timedelta(days=9)
    for row in range(30):
        market.step(at + timedelta(seconds=row))
        people.act(market, at + timedelta(seconds=row))
    for user in market.accounts:
        known = truth.account(market, user)
        traded: dict[tuple[str, str], int] = {}
        for fill in known["fills"]:
            cnc = fill["product"] == "CNC"
            key = (fill["isin"] if cnc else fill["tradingsymbol"], fill["product"])
            sign = 1 if fill["transaction_type"] == "BUY" else -1
            traded[key] = traded.get(key, 0) + sign * fill["quantity"]
        held: dict[tuple[str, str], int] = {}
        isin_by_symbol = {item.symbol: item.isin for item in market.instruments.values()}
        for row in known["positions"]:
            cnc = row["product"] == "CNC"
            symbol = row["tradingsymbol"]
            key = (isin_by_symbol[symbol] if cnc else symbol, row["product"])
            held[key] = held.get(key, 0) + row["quantity"]
        for row in known["holdings"]:
            opening = sum(lot["quantity"] for lot in row["lots"])
            held[row["isin"], "CNC"] = held.get((row["isin"], "CNC"), 0) + opening
        assert {k: v for k, v in traded.items() if v} == {k: v for k, v in held.items() if v}
        for order in known["orders"]:
            filled = sum(
                fill["quantity"]
                for fill in known["fills"]
                if (fill["order_id"], fill["trade_date"])
                == (order["order_id"], order["trade_date"])
            )
            assert filled == order["filled_quantity"]
