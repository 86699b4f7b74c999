"""``pending_orders.json`` into the books and back: row by row, again, killed, both in use."""

import json
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tradesync_dagster.bootstrap import pending
from tradesync_dagster.domain.errors import FileRefusedError
from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.monitored import WatchedDesk
from tradesync_dagster_tests.support.trading import KEY, open_trading_desk

OPEN: dict[str, Any] = {
    "order_id": "251118000000001", "symbol": "INFY", "side": "BUY", "qty": 10, "price": 1500.05,
    "status": "pending", "variety": "AMO", "placed_at": "2026-11-18T20:00:00", "note": {"x": 0.1},
}  # fmt: skip
FAILED: dict[str, Any] = {
    "symbol": "NSE:TCS", "transaction_type": "SELL", "quantity": "5", "status": "failed",
    "placed_at": "2026-11-19T09:20:00+05:30", "failure_reason": "Insufficient funds",
    "retry_count": 2, "shortfall": "120.50", "first_failed_at": "2026-11-19T09:20:01+05:30",
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "pending_orders.json"
    made.write_text(json.dumps({"orders": [OPEN, FAILED]}))
    return made


def ours(desk: Desk) -> dict[str, dict[str, Any]]:
    rows = desk.services.orders("desk/SIM001", 30)
    return {row["symbol"]: row for row in rows if row["origin"] == "internal"}


def test_orders_are_taken_in_once_and_the_file_is_kept(desk: Desk, file: Path) -> None:
    before = file.read_bytes()
    pending_file = desk.services.pending_file()
    dry = pending_file.take_in(file, KEY, dry_run=True)
    assert (dry.new, dry.backup, ours(desk)) == (2, "", {})
    report = pending_file.take_in(file, KEY)
    assert (report.new, report.known, report.refused) == (2, 0, [])
    assert Path(report.backup).read_bytes() == file.read_bytes() == before
    found = ours(desk)
    assert (found["INFY"]["status"], found["INFY"]["price"]) == ("amo", "1500.05")
    assert found["INFY"]["trade_date"] == "2026-11-18"
    tcs = found["TCS"]
    assert (tcs["status"], tcs["retry_count"], tcs["shortfall"]) == ("failed", 2, "120.50")
    again = pending_file.take_in(file, KEY)
    assert (again.new, again.known, again.backup) == (0, 2, report.backup)
    assert ours(desk) == found
    (row,) = desk.services.retries().listed("desk")
    assert (row["symbol"], row["retry_count"]) == ("TCS", 2)


def test_what_cannot_be_an_order_is_refused_with_its_place_and_reason(
    desk: Desk, file: Path
) -> None:
    wrong: list[tuple[Any, str]] = [
        (7, "no object"),
        (OPEN | {"qty": 1.5}, "quantity"),
        (OPEN | {"qty": True}, "quantity"),
        (OPEN | {"side": "HOLD"}, "side"),
        (OPEN | {"price": "1500.0000001"}, "price"),
        (OPEN | {"placed_at": "soon"}, "placed_at"),
        (OPEN | {"placed_at": "2031-01-01T00:00:00"}, "placed_at"),
        (OPEN | {"status": "odd"}, "status is 'odd'"),
        (OPEN | {"order_id": ""}, "has an order_id"),
        (OPEN | {"account": "none/none"}, "no account 'none/none'"),
        (FAILED | {"retry_count": "two"}, "retry_count"),
    ]
    file.write_text(json.dumps([row for row, _ in wrong] + [OPEN | {"status": "executed"}, OPEN]))
    report = desk.services.pending_file().take_in(file, KEY)
    assert (report.new, len(report.ended)) == (1, 1)
    for number, ((_, words), told) in enumerate(zip(wrong, report.refused, strict=True), 1):
        assert told.startswith(f"row {number}: "), told
        assert words in told, told
    for text in ("", "{", "7", '{"orders": {}}', "[" * 100_000):
        file.write_text(text)
        with pytest.raises(FileRefusedError):
            desk.services.pending_file().take_in(file, KEY)
    with pytest.raises(FileRefusedError, match="cannot be read"):
        desk.services.pending_file().take_in(file.with_name("none.json"), KEY)


def test_nothing_is_lost_on_the_way_there_and_back(desk: Desk, file: Path, tmp_path: Path) -> None:
    pending_file = desk.services.pending_file()
    pending_file.take_in(file, KEY)
    back = tmp_path / "back.json"
    assert pending_file.write(back) == 2
    first, second = json.loads(back.read_text())["orders"]
    for sent, got in ((OPEN, first), (FAILED, second)):
        assert got["account"] == KEY
        for name in sent.keys() - {"status", "placed_at", "variety", "symbol", "quantity",
                                   "shortfall", "first_failed_at"}:  # fmt: skip
            assert got[name] == sent[name], name
    assert '"price": 1500.05' in back.read_text(), "a number, digit by digit"
    assert (second["quantity"], second["shortfall"]) == (5, 120.5)
    assert pending_file.compare(back) == []
    report = pending_file.take_in(back)
    assert (report.new, report.known) == (0, 2)


def test_a_kill_in_the_middle_leaves_a_copy_and_the_next_time_takes_the_rest(
    desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [FAILED | {"account": "desk/SIM001"}, FAILED | {"account": "desk/SIM002"}]
    file.write_text(json.dumps(rows))
    pending_file = desk.services.pending_file()
    new, calls = pending._new, []

    def dies(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return new(*args)

    monkeypatch.setattr(pending, "_new", dies)
    with pytest.raises(KeyboardInterrupt):
        pending_file.take_in(file)
    monkeypatch.undo()
    (copy,) = file.parent.glob("pending_orders.json.*.bak")
    assert copy.read_bytes() == file.read_bytes()
    report = pending_file.take_in(file)
    assert (report.new, report.known) == (1, 1)
    assert len(list(file.parent.glob("pending_orders.json.*.bak"))) == 1


def test_two_who_write_the_file_at_once_leave_it_whole(
    desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks that brokers' messages ask for write it from several threads of one process."""
    pending_file = desk.services.pending_file()
    pending_file.take_in(file, KEY)
    fsync, begun, goes_on = os.fsync, threading.Event(), threading.Event()

    def slowly(number: int) -> None:
        fsync(number)
        if not begun.is_set():
            begun.set()
            assert goes_on.wait(60)

    monkeypatch.setattr(os, "fsync", slowly)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(pending_file.write, file)
        assert begun.wait(60)
        try:
            assert pending_file.write(file) == 2
        finally:
            goes_on.set()
        assert first.result() == 2
    assert pending_file.compare(file) == []
    assert not list(file.parent.glob(".pending_orders.json.*"))


def test_with_dual_write_the_file_follows_and_with_dual_read_differences_are_told(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "pending_orders.json"
    with open_trading_desk(database_url, tmp_path) as trading:
        both = trading.with_settings(pending_orders_file=file, pending_orders_mode="dual_write")
        resting = both.resting()
        (row,) = json.loads(file.read_text())["orders"]
        assert (row["order_id"], row["status"]) == (resting.order.broker.broker_order_id, "open")
        assert both.desk.services.pending_file().take_in(file).known == 1
        watched = WatchedDesk(both)
        watched.cancel_by_hand(resting)
        assert watched.cycle().changed == [KEY]
        assert json.loads(file.read_text())["orders"] == [], "the monitor saw it first"
        resting = both.resting()
        both.trading.cancel(KEY, resting.order.order_id, who="asha", why="no longer")
        assert json.loads(file.read_text())["orders"] == []
        reader = trading.with_settings(pending_orders_file=file, pending_orders_mode="dual_read")
        file.write_text(json.dumps([FAILED | {"account": KEY}]))
        with caplog.at_level(logging.WARNING):
            reader.desk.services.retries().listed("desk")
        assert "(SELL 5 NSE:TCS) is in the file only" in caplog.text
        caplog.clear()
        only = trading.with_settings(pending_orders_file=file, pending_orders_mode="db_only")
        only.place(verify=False)
        only.desk.services.retries().listed("desk")
        told = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
        assert told == []
        assert "TCS" in file.read_text(), "the file is left alone"
        file.unlink()
        reader.desk.services.retries().listed("desk")
        assert "cannot be read" in caplog.text
