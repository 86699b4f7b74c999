"""Books over several days: accounts that come late, fills that come late, and books caught up."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from tradesync_dagster.domain.money import divide_rounded, parse_price
from tradesync_dagster.domain.orders import Side
from tradesync_dagster_tests.support.desk import Desk, open_desk
from tradesync_dagster_tests.support.trading_days import (
    ACCOUNT,
    BOOKS,
    GOLD,
    a_day_later,
    add,
    assumed,
    beside,
    books,
    friday,
    known,
    monday,
    shown,
    table,
    thursday,
)

FRIDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 23)


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A desk on an exchange that keeps the week's trading days; it is Thursday."""
    with open_desk(database_url, tmp_path, always_open=False) as opened:
        yield opened


def late_account(desk: Desk) -> None:
    """Let the exchange live to Monday before the account is looked at for the first time."""
    thursday(desk)
    a_day_later(desk)
    friday(desk)
    a_day_later(desk, 3)
    assert desk.one(ACCOUNT).status == "success"


def test_an_account_that_comes_late_opens_with_the_brokers_figures(desk: Desk) -> None:
    late_account(desk)
    truth = desk.truth()
    infy, tcs = (
        (sum(lot["quantity"] for lot in one["lots"]),
         sum(lot["quantity"] * parse_price(lot["price"]) for lot in one["lots"]))
        for one in truth["holdings"]
    )  # fmt: skip
    columns = ("symbol", "quantity", "t1_quantity", "assumed_quantity", "average_price")
    assert shown(desk, "holdings", *columns) == [
        ("INFY", 16, 5, 21, pytest.approx(infy[1] / infy[0], abs=1)),
        ("TCS", 6, 0, 6, pytest.approx(tcs[1] / tcs[0], abs=1)),
    ]
    [gold] = truth["positions"]
    brought = sum(lot["quantity"] * parse_price(lot["price"]) for lot in gold["overnight_lots"])
    columns = ("symbol", "quantity", "assumed_quantity", "average_price", "realised_pnl")
    assert shown(desk, "positions", *columns) == [
        (GOLD["tradingsymbol"], -5, -5, divide_rounded(-brought, 5), "0")
    ]
    assert table(desk, "breaks") == []
    assert {row["fill_id"].partition(":")[0] for row in table(desk, "lots")} == {
        "opening",
        "opening-t1",
    }


def test_what_was_there_before_is_taken_over_once(desk: Desk) -> None:
    late_account(desk)
    before = table(desk, "opening_balances")
    monday(desk)
    assert desk.one(ACCOUNT).status == "success"
    a_day_later(desk)
    desk.one(ACCOUNT)
    assert table(desk, "opening_balances") == before
    assert [row["opened_on"] for row in table(desk, "generations")] == [MONDAY]


def test_selling_what_was_taken_over_earns_against_the_assumed_price(desk: Desk) -> None:
    late_account(desk)
    balances = {row["symbol"]: row["average_price"] for row in table(desk, "opening_balances")}
    monday(desk)
    desk.one(ACCOUNT)
    prices = {fill.symbol: fill.price for fill in known(desk, MONDAY)}
    gold = GOLD["tradingsymbol"]
    assert shown(desk, "positions", "symbol", "quantity", "realised_pnl") == [
        (gold, -4, str(balances[gold] - prices[gold])),
        ("INFY", -4, str(4 * (prices["INFY"] - balances["INFY"]))),
        ("TCS", -6, str(6 * (prices["TCS"] - balances["TCS"]))),
    ]
    assert shown(desk, "holdings", "symbol", "quantity", "t1_quantity") == [("INFY", 12, 5)]
    assert table(desk, "breaks") == []


def test_shares_bought_on_the_other_exchange_are_part_of_the_holding(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    desk.by_hand("BUY", 6, exchange="BSE")
    desk.one(ACCOUNT)
    a_day_later(desk)
    desk.one(ACCOUNT)
    assert shown(desk, "holdings", "exchange", "quantity", "t1_quantity") == [("NSE", 0, 16)]


@pytest.mark.parametrize("bought", [2, 6])
def test_what_was_carried_keeps_its_price_when_it_traded_before_the_first_look(
    desk: Desk, bought: int
) -> None:
    desk.by_hand("SELL", 5, **GOLD)
    a_day_later(desk)
    [gold] = desk.truth()["positions"]
    lots = [(lot["quantity"], parse_price(lot["price"])) for lot in gold["overnight_lots"]]
    carried_at = divide_rounded(-sum(quantity * price for quantity, price in lots), 5)
    desk.by_hand("SELL", 1, **GOLD)
    for _ in range(bought):
        desk.by_hand("BUY", 1, **GOLD)
        desk.step()
    desk.one(ACCOUNT)
    [balance] = table(desk, "opening_balances")
    assert (balance["quantity"], balance["average_price"]) == (-5, carried_at)


def test_a_tradebook_turns_what_was_assumed_into_what_is_known(desk: Desk, tmp_path: Path) -> None:
    with beside(desk, tmp_path) as along:
        thursday(desk)
        along.one(ACCOUNT)
        a_day_later(desk)
        friday(desk)
        along.one(ACCOUNT)
        a_day_later(desk, 3)
        desk.one(ACCOUNT)
        along.one(ACCOUNT)
        monday(desk)
        desk.one(ACCOUNT)
        along.one(ACCOUNT)
        assert assumed(desk) > 0
        assert assumed(along) == 0
        earlier = [fill for fill in known(desk) if fill.trade_date < MONDAY]
        add(desk, earlier, "tradebook")
        desk.one(ACCOUNT)
        assert assumed(desk) == 0
        assert books(desk) == books(along)
        assert table(desk, "breaks") == []


def test_part_of_a_tradebook_leaves_the_rest_assumed(desk: Desk) -> None:
    late_account(desk)
    add(desk, [fill for fill in known(desk, FRIDAY) if fill.symbol == "INFY"], "tradebook")
    desk.one(ACCOUNT)
    assert shown(desk, "holdings", "symbol", "quantity", "t1_quantity", "assumed_quantity") == [
        ("INFY", 16, 5, 16),
        ("TCS", 6, 0, 6),
    ]
    add(desk, [fill for fill in known(desk, FRIDAY) if fill.symbol == "TCS"], "tradebook")
    desk.one(ACCOUNT)
    assert shown(desk, "holdings", "symbol", "quantity", "assumed_quantity")[1] == ("TCS", 6, 6)
    assert [row["realised_pnl"] for row in table(desk, "position_days")].count("0") > 0
    assert table(desk, "breaks") == []


def test_fills_that_leave_more_than_the_broker_had_are_told(desk: Desk) -> None:
    late_account(desk)
    bought = [fill for fill in known(desk) if fill.symbol == "TCS" and fill.side is Side.BUY]
    add(desk, bought, "tradebook")
    desk.one(ACCOUNT)
    found = {row["kind"]: row["evidence"] for row in table(desk, "breaks")}
    assert found.pop("opening_differs") == {"units_too_many": "2"}
    assert set(found) == {"holding_differs"}, "the broker holds less, too"
    desk.clock.move(timedelta(minutes=5))
    add(desk, [fill for fill in known(desk) if fill.symbol == "INFY"], "tradebook")
    desk.one(ACCOUNT)
    assert ended(desk, "opening_differs") is None, "fills of another instrument say nothing"
    add(desk, [fill for fill in known(desk) if fill.symbol == "TCS"], "tradebook")
    at = desk.clock.moment
    desk.one(ACCOUNT)
    over = ended(desk, "opening_differs")
    assert over is not None
    assert at <= over <= desk.clock.moment
    assert {row["state"] for row in table(desk, "breaks")} == {"resolved"}


def ended(desk: Desk, kind: str) -> datetime | None:
    """Tell when the only break of a kind ended."""
    [found] = [row for row in table(desk, "breaks") if row["kind"] == kind]
    assert (found["state"] == "resolved") == (found["resolved_at"] is not None)
    at: datetime | None = found["resolved_at"]
    return at


def test_a_sale_without_its_purchase_is_told_until_the_purchase_is_known(desk: Desk) -> None:
    late_account(desk)
    bought = replace(known(desk, FRIDAY)[0], symbol="SBIN", product="CNC", isin="INE062A01020",
                     trade_id="T7", broker_order_id="B7", quantity=5, side=Side.BUY)  # fmt: skip
    sold = replace(bought, trade_id="T8", broker_order_id="B8", side=Side.SELL,
                   filled_at=bought.filled_at + timedelta(minutes=1))  # fmt: skip
    add(desk, [sold], "tradebook")
    desk.one(ACCOUNT)
    [found] = [row for row in table(desk, "breaks") if row["kind"] == "missing_opening_lot"]
    assert (found["state"], found["evidence"]) == ("open", {"units": "5"})
    desk.clock.move(timedelta(minutes=5))
    add(desk, [replace(bought, trade_id="T6", quantity=3)], "tradebook")
    desk.one(ACCOUNT)
    [found] = [row for row in table(desk, "breaks") if row["kind"] == "missing_opening_lot"]
    assert (found["state"], found["evidence"]) == ("open", {"units": "2"})
    desk.clock.move(timedelta(minutes=5))
    add(desk, [replace(bought, quantity=2)], "tradebook")
    at = desk.clock.moment
    desk.one(ACCOUNT)
    over = ended(desk, "missing_opening_lot")
    assert over is not None
    assert at <= over <= desk.clock.moment


def test_a_late_fill_takes_the_books_back_to_its_day(desk: Desk, tmp_path: Path) -> None:
    with beside(desk, tmp_path) as along:
        thursday(desk)
        desk.one(ACCOUNT)
        along.one(ACCOUNT)
        a_day_later(desk)
        friday(desk)
        along.one(ACCOUNT)  # the desk itself misses this day
        a_day_later(desk, 3)
        monday(desk)
        for one in (desk, along):
            one.one(ACCOUNT)
        thursdays = [row for row in table(desk, "position_days") if row["trade_date"] < FRIDAY]
        assert books(desk) != books(along)
        add(desk, known(desk, FRIDAY), "broker")
        assert [row["stale_from"] for row in table(desk, "generations")] == [FRIDAY]
        desk.one(ACCOUNT)
        assert books(desk) == books(along)
        assert [
            row for row in table(desk, "position_days") if row["trade_date"] < FRIDAY
        ] == thursdays
        [replay] = desk.services.replay([ACCOUNT]).values()
        assert (replay.count, replay.stale) == (0, False)
        assert replay.fills == len(known(desk))


def test_switched_off_books_keep_fills_and_marks_and_catch_up(desk: Desk, tmp_path: Path) -> None:
    off = desk.with_settings(position_generation_enabled=False)
    with beside(desk, tmp_path) as along:
        thursday(desk)
        assert not off.one(ACCOUNT).positions_regenerated
        along.one(ACCOUNT)
        a_day_later(desk)
        friday(desk)
        off.one(ACCOUNT)
        along.one(ACCOUNT)
        assert {name: table(desk, name) for name in BOOKS} == {name: [] for name in BOOKS}
        assert table(desk, "fills") == table(along, "fills")
        [kept] = table(desk, "generations")
        assert (kept["stale_from"], kept["generated_at"]) == (FRIDAY - timedelta(days=1), None)
        a_day_later(desk, 3)
        monday(desk)
        for one in (desk, along):
            assert one.one(ACCOUNT).positions_regenerated
        assert books(desk) == books(along)
        assert [row["stale_from"] for row in table(desk, "generations")] == [None]


@pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
def test_both_databases_keep_the_same_books_to_the_byte(database_url: str, tmp_path: Path) -> None:
    busy = {"accounts": 6, "people_rate": 0.8, "seed": 23}
    with open_desk(database_url, tmp_path, **busy) as server, beside(server, tmp_path) as file:
        for _ in range(4):
            for _ in range(2):
                server.step(10)
                for one in (server, file):
                    assert one.sync().status == "success"
            server.clock.move(timedelta(days=1))
        dumps = [
            {
                f"{name} of {account}": repr(table(one, name, account))
                for name in ("lots", "position_days")
                for account in (f"desk/SIM00{number}" for number in range(1, 7))
            }
            for one in (server, file)
        ]
        assert dumps[0] == dumps[1]
        assert sum(dump.count("trade_date") for dump in dumps[0].values()) > 100
        replays = [one.services.replay() for one in (server, file)]
        assert [found.count for replay in replays for found in replay.values()] == [0] * 12
