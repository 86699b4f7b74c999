"""What trades cost: the broker's own examples worked out by hand, in exact figures."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from tradesync_dagster.brokers.exchange import charges, truth
from tradesync_dagster.brokers.exchange.instruments import Instrument
from tradesync_dagster.brokers.exchange.market import Market, MarketRules
from tradesync_dagster.brokers.exchange.orders import Fill, OrderRequest
from tradesync_dagster.brokers.exchange.units import IST, SCALE, parse, text

BEFORE = datetime(2026, 3, 31, 15, 29, tzinfo=IST)
AFTER = datetime(2026, 4, 1, 9, 15, tzinfo=IST)
LISTED = Market(MarketRules(seed=7, accounts=0, start=BEFORE)).instruments
ITC, ITC_BSE = LISTED["NSE:ITC"], LISTED["BSE:ITC"]
FUTURE, CALL, CRUDE = (
    next(item for item in LISTED.values() if (item.name, item.kind) == wanted)
    for wanted in (("NIFTY", "FUT"), ("NIFTY", "CE"), ("CRUDEOIL", "FUT"))
)
CRUDE_CALL = replace(CRUDE, kind="CE", strike=6000 * SCALE)


def fill(item: Instrument, side: str, product: str, quantity: int, price: str, at: Any) -> Fill:
    return Fill("1", "2", "3", item, side, product, quantity, parse(price), at)


def parts(owed: charges.Charges) -> tuple[str, ...]:
    names = ("brokerage", "stt", "exchange", "sebi", "stamp", "gst")
    return tuple(text(getattr(owed, name)) for name in names)


@pytest.mark.parametrize(
    ("trade", "owed"),
    [
        ((ITC, "BUY", "CNC", 100, "1000", BEFORE), ("0", "100", "3.07", "0.1", "15", "0.5706")),
        ((ITC, "SELL", "CNC", 100, "1000", AFTER), ("0", "100", "3.07", "0.1", "0", "0.5706")),
        ((ITC_BSE, "BUY", "CNC", 100, "1000", AFTER), ("0", "100", "3.75", "0.1", "15", "0.693")),
        ((ITC, "BUY", "MIS", 100, "100", AFTER), ("3", "0", "0.307", "0.01", "0.3", "0.59706")),
        ((ITC, "SELL", "MIS", 100, "1500", AFTER), ("20", "37.5", "4.605", "0.15", "0", "4.4559")),
        ((FUTURE, "BUY", "NRML", 75, "24000", AFTER),
         ("20", "0", "32.94", "1.8", "36", "9.8532")),
        ((FUTURE, "SELL", "MIS", 75, "24000", BEFORE),
         ("20", "360", "32.94", "1.8", "0", "9.8532")),
        ((FUTURE, "SELL", "MIS", 75, "24000", AFTER),
         ("20", "900", "32.94", "1.8", "0", "9.8532")),
        ((CALL, "BUY", "NRML", 75, "100", AFTER),
         ("20", "0", "2.66475", "0.0075", "0.225", "4.081005")),
        ((CALL, "SELL", "NRML", 75, "100", BEFORE),
         ("20", "7.5", "2.66475", "0.0075", "0", "4.081005")),
        ((CALL, "SELL", "NRML", 75, "100", AFTER),
         ("20", "11.25", "2.66475", "0.0075", "0", "4.081005")),
        ((CRUDE, "SELL", "NRML", 1, "6000", AFTER), ("20", "60", "12.6", "0.6", "0", "5.976")),
        ((CRUDE, "BUY", "NRML", 1, "6000", AFTER), ("20", "0", "12.6", "0.6", "12", "5.976")),
        ((CRUDE_CALL, "SELL", "NRML", 1, "100", AFTER), ("20", "5", "4.18", "0.01", "0", "4.3542")),
    ],
)  # fmt: skip
def test_a_trade_owes_what_the_table_of_its_day_has(
    trade: tuple[Any, ...], owed: tuple[str, ...]
) -> None:
    found = charges.due(fill(*trade), 0)
    assert parts(found) == owed
    assert found.total == sum(map(parse, owed))


def test_a_day_before_every_table_takes_the_first() -> None:
    old = fill(FUTURE, "SELL", "NRML", 75, "24000", datetime(2019, 1, 1, tzinfo=IST))
    assert charges.due(old, 0) == charges.due(replace(old, at=BEFORE), 0)


def test_parts_are_rounded_half_up_to_a_millionth() -> None:
    owed = charges.due(fill(ITC, "BUY", "CNC", 1, "0.05", AFTER), 0)
    assert (owed.stt, owed.stamp) == (50, 8)  # 7.5 millionths of stamp duty
    assert (owed.exchange, owed.sebi) == (2, 0)  # 1.535 and 0.05
    assert owed.gst == 0  # 18% of 2 millionths


@pytest.mark.parametrize(
    ("item", "product", "price"), [(ITC, "MIS", "411.05"), (CALL, "NRML", "99.95")]
)
def test_an_orders_brokerage_is_the_same_in_however_many_trades(
    item: Instrument, product: str, price: str
) -> None:
    sizes = (75, 150, 75, 300)
    done, brokerage = 0, 0
    for size in sizes:
        one = fill(item, "SELL", product, size, price, AFTER)
        brokerage += charges.due(one, done).brokerage
        done += one.value
    assert brokerage == charges.due(fill(item, "SELL", product, 600, price, AFTER), 0).brokerage
    assert brokerage == 20 * SCALE


def test_only_an_account_opened_with_charges_pays_them() -> None:
    market = Market(MarketRules(seed=7, accounts=1, start=AFTER))
    buy = OrderRequest("ITC", "NSE", "BUY", 900, "MIS")
    for user, charged in (("free", False), ("paying", True)):
        market.admit(user, 10**6 * SCALE, charged=charged)
    for user in ("SIM001", "free", "paying"):
        market.place(user, buy, AFTER)
    for _ in range(12):
        market.step(AFTER)
    free, paying = (market.accounts[user] for user in ("free", "paying"))
    assert len({one.order_id for one in paying.fills}) == 1
    assert len(paying.fills) > 2
    assert [owed for _, owed in paying.paid] == [
        charges.due(one, sum(row.value for row in paying.fills[:row_number]))
        for row_number, one in enumerate(paying.fills)
    ]
    cost = sum(one.value for one in paying.fills)
    assert paying.cash == 10**6 * SCALE - cost - sum(owed.total for _, owed in paying.paid)
    assert free.cash == 10**6 * SCALE - sum(one.value for one in free.fills)
    assert free.paid == market.accounts["SIM001"].paid == []


def test_what_was_paid_is_told_in_all_by_day_and_by_trade() -> None:
    market = Market(MarketRules(seed=7, accounts=0, start=AFTER))
    market.admit("a", 10**6 * SCALE, charged=True)
    market.place("a", OrderRequest("ITC", "NSE", "BUY", 5, "CNC"), AFTER)
    later = AFTER.replace(day=2)
    market.place("a", OrderRequest("ITC", "NSE", "SELL", 5, "CNC"), later)
    told = truth.charges(market.accounts["a"])
    assert (told["user_id"], told["charged"]) == ("a", True)
    assert [row["trade_date"] for row in told["days"]] == ["2026-04-01", "2026-04-02"]
    assert [row["segment"] for row in told["trades"]] == ["delivery", "delivery"]
    for name in (*(field for field in told["all"]),):
        for rows in (told["days"], told["trades"]):
            assert parse(told["all"][name]) == sum(parse(row[name]) for row in rows)
    spent = 10**6 * SCALE - market.accounts["a"].cash
    traded = sum(one.value if one.side == "BUY" else -one.value
                 for one, _ in market.accounts["a"].paid)  # fmt: skip
    assert parse(told["all"]["total"]) == spent - traded
