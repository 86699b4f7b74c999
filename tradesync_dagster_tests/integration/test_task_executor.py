"""Each of the seven tasks at the simulated exchange, through the executor."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tradesync_dagster.domain.errors import TaskFailedError
from tradesync_dagster.domain.mandates import Exit, SignalState
from tradesync_dagster.domain.money import format_price, parse_price
from tradesync_dagster.domain.order_requests import OrderText
from tradesync_dagster.store.tables import outbox
from tradesync_dagster.sync.tasks.capital import free_capital
from tradesync_dagster.sync.tasks.executor import Executor
from tradesync_dagster_tests.support.desk import Desk, ask
from tradesync_dagster_tests.support.tasks import KEY, at, install, mandate, open_task_desk

THURSDAY, FRIDAY, MONDAY = date(2026, 11, 19), date(2026, 11, 20), date(2026, 11, 23)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    install(tmp_path / "site", monkeypatch)
    with open_task_desk(f"sqlite:///{tmp_path}/books.sqlite3", tmp_path) as opened:
        yield opened


def executor(desk: Desk) -> Executor:
    (account,) = desk.services.chosen(KEY)
    return desk.services.tasks().executor(account)


def ours(desk: Desk, side: str = "BUY") -> list[dict[str, Any]]:
    rows = desk.services.orders(KEY, days=7)
    return [row for row in rows if row["origin"] == "internal" and row["side"] == side]


def wished(desk: Desk) -> None:
    """Ask the strategy and place its order for the next opening."""
    mandate(desk)
    at(desk, FRIDAY, "16:00")
    assert executor(desk).analysis(FRIDAY) == {"strategies": 1, "signals": 1}
    at(desk, FRIDAY, "16:05")
    assert executor(desk).buy_orders(FRIDAY) == {"ordered": 1}


def test_an_analysis_again_and_buying_again_change_nothing(desk: Desk) -> None:
    wished(desk)
    executor(desk).analysis(FRIDAY)
    assert executor(desk).buy_orders(FRIDAY) == {}
    with desk.services.store.begin([1]) as work:
        (signal,) = work.signals(1, FRIDAY)
        work.put_signals([replace(signal, state=SignalState.NEW, order_id=None)])
    assert executor(desk).buy_orders(FRIDAY) == {"ordered": 1}, "killed before it was noted"
    assert len(ours(desk)) == 1, "one order all the same"


@pytest.mark.parametrize(
    ("gives", "why"),
    [
        ("[Wish('NSE', 'X' * 10_000, 50_000)]", "printable text"),
        ("__import__('os')._exit(3)", "'rubbish' ended its process without an answer"),
    ],
)
def test_a_strategy_that_gives_rubbish_stops_no_other(desk: Desk, gives: str, why: str) -> None:
    mandate(desk, "rubbish", options={"gives": gives})
    mandate(desk)
    at(desk, FRIDAY, "16:00")
    with pytest.raises(TaskFailedError, match=why) as caught:
        executor(desk).analysis(FRIDAY)
    assert caught.value.detail["signals"] == 1, "the other's"
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def test_a_strategy_that_hangs_is_ended_and_the_task_says_so(desk: Desk) -> None:
    mandate(desk, "stuck")
    at(desk, FRIDAY, "16:00")
    with pytest.raises(TaskFailedError, match=r"stuck: .* had not answered after 1 s") as caught:
        executor(desk.with_settings(strategy_seconds=1)).analysis(FRIDAY)
    assert caught.value.detail == {"strategies": 1, "signals": 0}


def test_waiting_quantities_follow_capital_and_price(desk: Desk) -> None:
    wished(desk)
    (before,) = ours(desk)
    at(desk, MONDAY, "09:05")
    mandate(desk, capital=parse_price("200000"))
    done = executor(desk).premarket_amo_adjustment(MONDAY)
    last = parse_price(next(r["last_price"] for r in desk.services.holdings(KEY)
                            if r["symbol"] == "INFY"))  # fmt: skip
    wanted = parse_price("40000") // last
    assert done["changed"] == [f"NSE:INFY {before['quantity']} to {wanted}"]
    assert wanted > before["quantity"]
    desk.one(KEY)
    (after,) = ours(desk)
    assert after["quantity"] == wanted
    mandate(desk, capital=parse_price("10"))
    assert executor(desk).premarket_amo_adjustment(MONDAY)["cancelled"]
    desk.one(KEY)
    assert ours(desk)[0]["status"] == "cancelled"


@pytest.mark.parametrize(("target", "stop", "reason"), [(1, 0, "target"), (0, 10**15, "stop")])
def test_an_exit_is_asked_for_once(desk: Desk, target: int, stop: int, reason: str) -> None:
    mandate(desk)
    at(desk, FRIDAY, "10:00")
    desk.one(KEY)
    text = OrderText("BUY", "4", "NSE:INFY")
    desk.services.trading().place(KEY, text, who="asha", strategy="wishful", verify=False)
    desk.one(KEY)
    rule = Exit(1, "wishful", "NSE", "INFY", "CNC", target, stop, desk.clock.now())
    with desk.services.store.begin([1]) as work:
        work.put_exits([rule])
    assert executor(desk).sell_monitor(FRIDAY)["sold"] == [f"4 NSE:INFY of wishful: {reason}"]
    for _ in range(2):
        assert executor(desk).sell_monitor(FRIDAY)["sold"] == []
    (sold,) = ours(desk, "SELL")
    assert (sold["quantity"], sold["strategy_id"]) == (4, "wishful")
    desk.services.trading().place(KEY, text, who="asha", strategy="wishful", verify=False)
    assert executor(desk).sell_monitor(FRIDAY)["sold"] == [], "bought again, not sold again today"
    assert len(ours(desk, "SELL")) == 1
    at(desk, FRIDAY, "15:31")
    assert executor(desk).sell_monitor(FRIDAY)["closed"]


def test_an_exit_of_one_product_holds_up_no_other_of_the_same_share(desk: Desk) -> None:
    mandate(desk)
    at(desk, FRIDAY, "10:00")
    desk.one(KEY)
    for product in ("CNC", "MIS"):
        text = OrderText("BUY", "4", "NSE:INFY", product=product)
        desk.services.trading().place(KEY, text, who="asha", strategy="wishful", verify=False)
    desk.one(KEY)
    for product in ("CNC", "MIS"):
        rule = Exit(1, "wishful", "NSE", "INFY", product, 1, 0, desk.clock.now())
        with desk.services.store.begin([1]) as work:
            work.put_exits([rule])
        assert len(executor(desk).sell_monitor(FRIDAY)["sold"]) == 1, product
    assert sorted(row["product"] for row in ours(desk, "SELL")) == ["CNC", "MIS"]


def test_working_orders_of_commodities_count_by_their_multiplier(desk: Desk) -> None:
    mandate(desk, capital=parse_price("2000000"))
    at(desk, FRIDAY, "10:00")
    (listed,) = [one for one in ask(f"{desk.url}/sim/prices") if "MCX:CRUDEOIL" in one]
    symbol = listed.removeprefix("MCX:")
    most = dict.fromkeys(("order_value", "position_value"), parse_price("2000000"))
    desk.services.trading().set_limits(KEY, most, "asha")
    desk.by_hand("BUY", 1, exchange="MCX", tradingsymbol=symbol, product="NRML")
    desk.one(KEY)
    price = next(row["last_price"] for row in desk.services.positions(KEY, None)
                 if row["symbol"] == symbol)  # fmt: skip
    limit = parse_price(price) * 97 // 100 // 10**6 * 10**6
    text = OrderText("BUY", "1", f"MCX:{symbol}", product="NRML", price=format_price(limit))
    desk.services.trading().place(KEY, text, who="asha", strategy="wishful", verify=False)
    with desk.services.store.look() as work:
        (given,) = work.mandates([1])
        assert free_capital(work, 1, given, FRIDAY) == given.capital - 100 * limit


def test_a_broker_that_does_not_answer_sells_nothing(desk: Desk) -> None:
    at(desk, FRIDAY, "10:00")
    with desk.services.store.begin([1]) as work:
        work.put_exits([Exit(1, "wishful", "NSE", "INFY", "CNC", 1, 0, desk.clock.now())])
    desk.fault("error", times=0, status=503, error_type="NetworkException")
    with pytest.raises(TaskFailedError, match="could not be brought up to date"):
        executor(desk).sell_monitor(FRIDAY)


def test_positions_beyond_their_limit_are_told_once_a_day(desk: Desk) -> None:
    desk.services.trading().set_limits(KEY, {"position_value": 1}, "asha")
    for _ in range(2):
        done = executor(desk).position_monitor(THURSDAY)
    assert "NSE:INFY" in done["beyond_limit"]
    with desk.services.store.reading() as connection:
        found = [json.loads(row) for row in connection.scalars(select(outbox.c.body))]
    told = [
        one for one in found if one["type"] == "position_limit" and one["subject"] == "NSE:INFY"
    ]
    assert len(told) == 1
    assert "the limit is" in told[0]["message"]


def test_the_day_is_brought_to_its_end(desk: Desk) -> None:
    mandate(desk)
    at(desk, FRIDAY, "16:00")
    executor(desk).analysis(FRIDAY)
    at(desk, MONDAY, "18:00")
    done = executor(desk).eod_cleanup(MONDAY)
    assert done["signals_expired"] == 1
    assert desk.services.mandates().signals(KEY)[0]["state"] == "expired"
    assert executor(desk).eod_cleanup(MONDAY)["signals_expired"] == 0
