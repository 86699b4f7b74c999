"""An account that trades on paper: in its twin's books, and its own go on following its broker."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import PlacementRefusedError
from tradesync_dagster.domain.tasks import Task
from tradesync_dagster_tests.support.desk import ask
from tradesync_dagster_tests.support.tasks import install, mandate, run_at
from tradesync_dagster_tests.support.trading import KEY, TradingDesk, open_trading_desk

TWIN = "desk/SIM001-paper"


@pytest.fixture
def trading(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TradingDesk]:
    """A live account, and its twin at the same exchange."""
    install(tmp_path / "site", monkeypatch)
    with open_trading_desk(database_url, tmp_path) as opened:
        url = opened.desk.url
        made = ask(f"{url}/sim/accounts", {"user_id": "desk:SIM001-paper", "cash": "1000000"})
        twin = Account(0, "desk", "SIM001-paper", "PAPER", base_url=url,
                       credentials=made["credentials"])  # fmt: skip
        opened.desk.services.store.put_accounts([twin])
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
    with pytest.raises(PlacementRefusedError, match=f"{KEY} has 1 open orders of ours"):
        trading.trading.switch(KEY, TWIN, "paper", "asha")
    trading.trading.cancel(KEY, resting.order.order_id, who="asha", why="to try on paper")
    trading.trading.switch(KEY, TWIN, "paper", "asha")
    trading.resting()
    with pytest.raises(PlacementRefusedError, match=f"{TWIN} has 1 open orders of ours"):
        trading.trading.switch(KEY, TWIN, "live", "asha")
    trading.trading.switch(KEY, TWIN, "paper", "asha")


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
