"""An account that trades on paper: in its twin's books, and its own go on following its broker."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tradesync_dagster.domain.errors import PlacementRefusedError
from tradesync_dagster.domain.tasks import Task
from tradesync_dagster.store.tables import outbox
from tradesync_dagster_tests.support.tasks import install, mandate, open_twin, run_at
from tradesync_dagster_tests.support.trading import KEY, TradingDesk, open_trading_desk

TWIN = "desk/SIM001-paper"


@pytest.fixture
def trading(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TradingDesk]:
    """A live account, and its twin at the same exchange."""
    install(tmp_path / "site", monkeypatch)
    with open_trading_desk(database_url, tmp_path) as opened:
        open_twin(opened.desk)
        yield opened


def test_on_paper_orders_go_to_the_twin_and_back_again(trading: TradingDesk) -> None:
    trading.trading.switch(KEY, TWIN, "paper", "asha")
    found = trading.place(3)
    services = trading.desk.services
    assert (found.order.account_id, found.order.status.value) == (2, "executed")
    assert trading.ours() == [], "nothing reached the real broker"
    trading.desk.sync()
    assert [row["quantity"] for row in services.positions(TWIN)] == [3]
    assert [row["quantity"] for row in services.positions(KEY) if row["symbol"] == "INFY"] == [10]
    trading.trading.switch(KEY, TWIN, "live", "asha")
    assert trading.place(2).order.account_id == 1
    assert len(trading.ours()) == 1


def test_open_orders_on_either_side_keep_it_as_it_is(trading: TradingDesk) -> None:
    resting = trading.resting()
    with pytest.raises(PlacementRefusedError, match=f"{KEY} stays as it is: 1 open order of"):
        trading.trading.switch(KEY, TWIN, "paper", "asha")
    trading.trading.cancel(KEY, resting.order.order_id, who="asha", why="to try on paper")
    trading.trading.switch(KEY, TWIN, "paper", "asha")
    trading.resting()
    with pytest.raises(PlacementRefusedError, match=f"{TWIN} stays as it is: 1 open order of"):
        trading.trading.switch(KEY, TWIN, "live", "asha")
    trading.trading.switch(KEY, TWIN, "paper", "asha")


def test_orders_that_may_be_tried_again_keep_it_too_until_dropped_or_expired(
    trading: TradingDesk,
) -> None:
    services = trading.desk.services

    def switch(through: str) -> None:
        trading.trading.switch(KEY, TWIN, through, "asha")

    trading.desk.fault("status", status=429, method="POST", times=1)
    failed = trading.place(3, verify=False).order
    resting = trading.resting()
    with pytest.raises(PlacementRefusedError) as both:
        switch("paper")
    assert str(both.value) == (
        f"{KEY} stays as it is: 1 open order of ours (INFY); cancel first, see: tradesync orders "
        f"list {KEY}; and 1 order in the retry queue (INFY); retry or drop first, see: tradesync "
        f"orders queue {KEY}"
    )
    trading.trading.cancel(KEY, resting.order.order_id, who="asha", why="to try on paper")
    services.retries().tend()
    with pytest.raises(PlacementRefusedError, match="as it is: 1 order in the retry queue"):
        switch("paper")
    services.retries().drop(KEY, failed.order_id, who="asha", why="to try on paper")
    switch("paper")
    switch("live")
    trading.desk.fault("status", status=429, method="POST", times=1)
    trading.place(3, verify=False)
    services.retries().tend()
    trading.desk.clock.move(timedelta(hours=6))  # 15:30 in Asia/Kolkata
    switch("paper")


def test_a_halt_of_the_account_stops_its_twin_and_one_of_the_twin_only_that(
    trading: TradingDesk,
) -> None:
    trading.trading.switch(KEY, TWIN, "paper", "asha")
    trading.trading.halt(KEY, "ravi", "a wild strategy")
    with pytest.raises(PlacementRefusedError, match=f"{TWIN}: ravi halted orders of {KEY} at"):
        trading.place(3)
    trading.trading.resume(KEY, "ravi", "looked at")
    assert trading.place(3).order.status.value == "executed"
    trading.trading.halt(TWIN, "ravi", "only there")
    with pytest.raises(PlacementRefusedError, match=f"ravi halted orders of {TWIN}"):
        trading.place(3)
    trading.trading.switch(KEY, TWIN, "live", "asha")
    assert trading.place(2).order.account_id == 1


def test_a_twins_silent_service_is_told_as_any_others(trading: TradingDesk) -> None:
    trading.trading.switch(KEY, TWIN, "paper", "asha")
    desk = trading.desk
    now = desk.clock.now()
    with desk.services.store.begin([]) as work:
        for service in ("sync", "tasks"):  # the latter of when it was nobody's twin
            work.beat([2], service, now, now + timedelta(minutes=15))
    for _ in range(2):
        desk.clock.move(timedelta(minutes=20))
        desk.services.tasks().look()
    with desk.services.store.reading() as connection:
        bodies = [json.loads(row) for row in connection.scalars(select(outbox.c.body))]
    told = [one["message"] for one in bodies if one["type"] == "service_silent"]
    assert [line for line in told if line.startswith(TWIN)] == [
        f"{TWIN}: sync has given no sign of life since 2026-11-19 09:31 IST, and should have by "
        "2026-11-19 09:46 IST"
    ]
    rows = desk.services.tasks().heartbeats(TWIN)
    assert [(row["service"], row["stale"]) for row in rows] == [("sync", True)]


def test_tasks_trade_in_the_twin_and_it_has_none_of_its_own(trading: TradingDesk) -> None:
    desk = trading.desk.with_settings(live_orders_enabled=False)
    mandate(desk)
    trading.trading.switch(KEY, TWIN, "paper", "asha")
    day = date(2026, 11, 19)
    desk.services.tasks().look()
    desk.sync()
    done = run_at(desk, day, "16:06")
    assert {turn.account_id for turn in done} == {1}
    assert {turn.task: turn.state.value for turn in done} == {
        Task.ANALYSIS: "done", Task.BUY_ORDERS: "done",
    }, [turn.words for turn in done]  # fmt: skip
    [signal] = desk.services.mandates().signals(KEY)
    assert (signal["account"], signal["state"]) == (TWIN, "ordered")
    assert trading.ours() == []
