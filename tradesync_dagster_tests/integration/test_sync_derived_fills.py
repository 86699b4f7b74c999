"""An account whose broker has no trades keeps books as true as one whose broker has."""

import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tradesync_dagster.cli import accounts
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import ConfigurationError, FileRefusedError
from tradesync_dagster_tests.support.desk import Desk, ask, open_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    url = f"sqlite:///{tmp_path}/books.db"
    with open_desk(url, tmp_path) as opened:
        users = ask(f"{opened.url}/sim/accounts")
        opened.services.store.put_accounts(
            Account(0, "auto", user["user_id"], "AUTOTRADER", base_url=opened.url,
                    credentials=user["credentials"]["AUTOTRADER"])
            for user in users
        )  # fmt: skip
        yield opened


def books(desk: Desk, key: str) -> Any:
    store = desk.services.store
    account = next(one for one in store.accounts() if one.key == key)
    with store.look() as work:
        frame = work.fills([account.account_id], desk.clock.moment.date() - timedelta(days=3))
    return account, frame


def sums(frame: Any) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for order_id, quantity, price in zip(
        frame["broker_order_id"], frame["quantity"], frame["price"], strict=True
    ):
        q, v = found.get(order_id, (0, 0))
        found[order_id] = (q + quantity, v + quantity * price)
    return found


def test_books_follow_without_trades(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    desk.by_hand("BUY", 900, product="MIS")
    for _ in range(6):
        assert [one.status for one in desk.sync("auto/SIM001", "desk/SIM001").results] == [
            "success",
            "success",
        ]
        desk.clock.move(timedelta(minutes=5))
        desk.step(3)
    desk.by_hand("SELL", 4)
    desk.sync("auto/SIM001", "desk/SIM001")
    _, derived = books(desk, "auto/SIM001")
    _, traded = books(desk, "desk/SIM001")
    mine, true = sums(derived), sums(traded)
    assert mine.keys() == true.keys()
    assert len(true) == 3
    for order_id, (quantity, value) in true.items():
        assert mine[order_id][0] == quantity
        assert abs(mine[order_id][1] - value) * 2 <= abs(quantity)
    before = len(derived)
    assert len(derived) > 3
    desk.sync("auto/SIM001", force=True)
    assert len(books(desk, "auto/SIM001")[1]) == before


def test_trades_made_from_orders_are_never_told_again_by_another_broker(
    desk: Desk, tmp_path: Path
) -> None:
    account, _ = books(desk, "auto/SIM001")
    accounts._check_stays(desk.services, account, "ZERODHA")  # there are none yet
    desk.by_hand("BUY", 10)
    desk.sync("auto/SIM001")
    assert len(books(desk, "auto/SIM001")[1]) > 0
    with pytest.raises(ConfigurationError, match="ZERODHA's trades and tradebooks would count"):
        accounts._check_stays(desk.services, account, "ZERODHA")
    accounts._check_stays(desk.services, account, "AUTOTRADER")
    file = tmp_path / "tradebook.csv"
    with urllib.request.urlopen(f"{desk.url}/sim/tradebook/SIM001", timeout=60) as answer:
        file.write_bytes(answer.read())
    with pytest.raises(FileRefusedError, match="ZERODHA, and auto/SIM001 is at AUTOTRADER"):
        desk.services.import_tradebook(file, account.key, strict=False, progress=lambda _: None)


def test_a_failed_or_shrunk_book_derives_nothing(desk: Desk) -> None:
    for quantity in (10, 11):
        desk.by_hand("BUY", quantity)
    desk.sync("auto/SIM001")
    desk.by_hand("BUY", 7)
    faults = [{"kind": "html"}, *({"kind": "missing", "seed": seed} for seed in range(6))]
    for fault in faults:
        desk.clock.move(timedelta(minutes=5))
        desk.fault(**fault, user_id="SIM001", path="/trading/readPlatformOrders")
        (found,) = desk.sync("auto/SIM001").results
        assert len(books(desk, "auto/SIM001")[1]) == 2
        if fault["kind"] == "html":
            assert found.status == "failed"  # positions and holdings follow from it too
    desk.clock.move(timedelta(minutes=5))
    desk.sync("auto/SIM001")
    assert len(books(desk, "auto/SIM001")[1]) == 3
