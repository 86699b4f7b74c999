"""A week of tasks at the simulated exchange: a weekend, a special session, a holiday."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from tradesync_dagster.domain.money import parse_price
from tradesync_dagster.domain.tasks import Task
from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.tasks import KEY, install, mandate, open_task_desk, run_at

THURSDAY = date(2026, 11, 19)
HOLIDAY = date(2026, 11, 24)
"""Guru Nanak Jayanti, a Tuesday."""
TIMES = [
    "08:55", "09:01", "09:06", "09:16", "09:31", "10:31", "11:45", "12:31", "13:31", "14:31",
    "15:29", "15:45", "16:01", "16:06", "17:46", "17:51", "18:01", "18:20", "19:16", "19:46",
    "19:51", "21:46", "22:30",
]  # fmt: skip


@pytest.fixture
def desk(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    install(tmp_path / "site", monkeypatch)
    with open_task_desk(database_url, tmp_path) as opened:
        yield opened.with_settings(special_sessions="2026-11-21 18:00-19:15")


def test_a_week(desk: Desk) -> None:
    mandate(desk, target_bp=1, stop_bp=9_000)
    found = []
    for day in (THURSDAY + timedelta(days=n) for n in range(7)):
        for hhmm in TIMES:
            if day > THURSDAY or hhmm > "09:31":
                found += run_at(desk, day, hhmm)
                desk.step()
    failures = [(t.task, t.slot, t.words) for t in found if t.state != "done"]
    assert failures == []
    days = {task: {t.slot[:10] for t in found if t.task is task} for task in Task}
    open_days = {"2026-11-20", "2026-11-21", "2026-11-23", "2026-11-25"}
    for task in Task:
        first_day = {"2026-11-19"} if task is not Task.PREMARKET_RETRY else set()
        if task is not Task.PREMARKET_AMO_ADJUSTMENT:
            assert days[task] == open_days | first_day, task
    assert HOLIDAY.isoformat() not in {slot for slots in days.values() for slot in slots}
    keys = Counter(t.key for t in found if t.task is not Task.SELL_MONITOR)
    assert set(keys.values()) == {1}, "nothing twice"
    evening = {t.due_at.strftime("%H:%M") for t in found if t.slot == "2026-11-21"}
    assert {"12:15", "12:20", "12:31"} <= evening, "17:45, 17:50, 18:01: round its own opening"
    _traded(desk)


def _traded(desk: Desk) -> None:
    """The strategy bought by AMO, its target was reached, and the books are true."""
    rows = [row for row in desk.services.orders(KEY, days=7) if row["strategy_id"] == "wishful"]
    sides = Counter((row["side"], row["status"]) for row in rows)
    assert sides["BUY", "executed"] >= 1, sides
    assert sides["SELL", "executed"] >= 1, sides
    (first, *_) = desk.services.mandates().signals(KEY, days=9)[::-1]
    assert first["state"] == "ordered"
    bought = next(row for row in rows if row["side"] == "BUY")
    assert parse_price(bought["price"]) * bought["quantity"] <= parse_price("20000")
    assert desk.services.replay([KEY])[KEY].count == 0
    assert [row for row in desk.services.tasks().turns(KEY, days=8) if row["state"] != "done"] == []
