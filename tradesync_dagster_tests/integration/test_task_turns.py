"""Taking turns over real books: claims, failures, what is missed, signs of life, other hands."""

import json
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.task_schedules import Repeat
from tradesync_dagster.domain.tasks import Due, Task, TurnState
from tradesync_dagster.store.tables import outbox
from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.tasks import (
    KEY,
    at,
    install,
    mandate,
    open_task_desk,
    run_at,
)

FRIDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 23)


@pytest.fixture
def desk(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    install(tmp_path / "site", monkeypatch)
    with open_task_desk(database_url, tmp_path) as opened:
        opened.services.tasks().look()
        yield opened


def alerts(desk: Desk, kind: str) -> list[dict[str, Any]]:
    with desk.services.store.reading() as connection:
        found = [json.loads(row) for row in connection.scalars(select(outbox.c.body))]
    return [body for body in found if body["type"] == kind]


def states(desk: Desk, **named: str) -> dict[str, str]:
    rows = desk.services.tasks().turns(KEY, days=60)
    return {
        f"{row['task']} {row['slot']}": row["state"]
        for row in rows
        if all(row[name] == value for name, value in named.items())
    }


def test_of_many_who_claim_one_turn_one_gets_it(desk: Desk) -> None:
    now = desk.clock.now()
    due = Due(1, Task.ANALYSIS, "2026-11-19", now)
    won: list[bool] = []
    gate = threading.Barrier(6)

    def claim() -> None:
        gate.wait()
        with desk.services.store.begin([]) as work:
            won.append(work.claim(due, now, now + timedelta(minutes=5)))

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 5 + [True]
    with desk.services.store.begin([]) as work:
        assert not work.miss(Due(1, Task.ANALYSIS, "2026-11-19", now), now), "it is being done"
        [turn] = work.turns([1], now - timedelta(days=1))
    assert (turn.state, turn.attempts) == (TurnState.RUNNING, 1)


def test_what_a_killed_process_had_begun_is_taken_over_in_its_grace(desk: Desk) -> None:
    at(desk, FRIDAY, "16:01")
    now = desk.clock.now()
    agenda = desk.services.tasks().look()
    [analysis] = [one for one in agenda.due if one.task is Task.ANALYSIS]
    with desk.services.store.begin([]) as work:
        assert work.claim(analysis, now, now + timedelta(minutes=15))
    assert Task.ANALYSIS not in {turn.task for turn in run_at(desk, FRIDAY, "16:10")}
    done = {turn.task: turn for turn in run_at(desk, FRIDAY, "16:17")}
    assert (done[Task.ANALYSIS].state, done[Task.ANALYSIS].attempts) == (TurnState.DONE, 2)
    assert run_at(desk, FRIDAY, "16:18") == []


def test_downtime_is_caught_up_within_grace_and_told_beyond_it(desk: Desk) -> None:
    run_at(desk, FRIDAY, "09:20")
    done = {turn.task for turn in run_at(desk, FRIDAY, "17:30")}
    assert done == {Task.ANALYSIS, Task.BUY_ORDERS}
    missed = states(desk, state="missed")
    assert set(missed) >= {f"position_monitor 2026-11-20T{hour:02}" for hour in range(9, 16)}
    first = "position_monitor of 2026-11-20 09:30 IST"
    assert len([a for a in alerts(desk, "tasks_missed") if first in a["message"]]) == 1
    before = len(alerts(desk, "tasks_missed"))
    for _ in range(3):
        desk.services.tasks().look()
    assert len(alerts(desk, "tasks_missed")) == before, "told once"
    run_at(desk, MONDAY, "09:01")
    assert "eod_cleanup 2026-11-20" in states(desk, state="missed")


def test_a_failing_task_stops_no_other(desk: Desk) -> None:
    mandate(desk, "broken")
    mandate(desk, "wishful")
    desk = desk.with_settings(live_orders_enabled=False)
    done = {turn.task: turn for turn in run_at(desk, FRIDAY, "16:06")}
    failed = done[Task.ANALYSIS]
    assert failed.state is TurnState.FAILED
    assert "'broken' raised KeyError" in failed.words
    assert failed.detail["signals"] == 1, "the other strategy was asked all the same"
    assert done[Task.BUY_ORDERS].state is TurnState.FAILED
    assert "TRADESYNC_LIVE_ORDERS_ENABLED" in done[Task.BUY_ORDERS].words
    assert {a["task"] for a in alerts(desk, "task_failed")} == {"analysis", "buy_orders"}
    assert run_at(desk, FRIDAY, "16:30") == [], "a failure is no reason to do it again"


def test_an_unforeseen_error_is_recorded_and_raised_after_the_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_: object) -> None:
        raise ZeroDivisionError("secret token 123")

    monkeypatch.setattr("tradesync_dagster.sync.tasks.executor.analyse", breaks)
    at(desk, FRIDAY, "16:06")
    with pytest.raises(ExceptionGroup, match="nobody foresaw"):
        desk.services.tasks().run()
    rows = {row["task"]: row for row in desk.services.tasks().turns(KEY)}
    assert rows["analysis"]["state"] == "failed"
    assert "ZeroDivisionError" in rows["analysis"]["words"]
    assert "secret" not in rows["analysis"]["words"]
    assert rows["buy_orders"]["state"] == "done"


def test_a_change_counts_at_once_and_the_narrowest_scope_holds(desk: Desk) -> None:
    tasks = desk.services.tasks()
    at(desk, FRIDAY, "15:40")
    tasks.set_schedule("desk", Task.ANALYSIS, {"enabled": False}, "asha")
    assert Task.ANALYSIS not in {turn.task for turn in run_at(desk, FRIDAY, "16:06")}
    changes = {"repeats": Repeat.HOURLY, "end": None, "grace": timedelta(minutes=5)}
    with pytest.raises(ValueError, match="not after the start"):
        tasks.set_schedule(KEY, Task.ANALYSIS, changes, "asha")
    tasks.set_schedule(KEY, Task.ANALYSIS, {"enabled": True}, "asha")
    assert run_at(desk, FRIDAY, "16:10") == [], "its turn was before the change"
    assert [row["enabled"] for row in tasks.schedules(KEY) if row["task"] == "analysis"] == [True]
    assert tasks.reset_schedule(KEY, Task.ANALYSIS)
    assert [row["enabled"] for row in tasks.schedules(KEY) if row["task"] == "analysis"] == [False]


def test_silence_is_told_once_until_it_is_broken(desk: Desk) -> None:
    for hhmm in ("10:00", "10:10", "10:10"):
        at(desk, FRIDAY, hhmm)
        desk.services.tasks().look()
    silent = [a for a in alerts(desk, "service_silent") if a["service"] == "sync"]
    assert len(silent) == 1
    rows = {row["service"]: row["stale"] for row in desk.services.tasks().heartbeats(KEY)}
    assert rows == {"sync": True, "tasks": False}
    desk.one(KEY)
    rows = {row["service"]: row["stale"] for row in desk.services.tasks().heartbeats(KEY)}
    assert rows == {"sync": False, "tasks": False}
    at(desk, FRIDAY, "11:10")
    desk.services.tasks().look()
    assert len([a for a in alerts(desk, "service_silent") if a["service"] == "sync"]) == 2


def test_a_new_account_owes_nothing_of_the_past(desk: Desk) -> None:
    at(desk, FRIDAY, "20:00")
    desk.services.tasks().look()
    (known,) = desk.services.store.accounts()
    new = Account(0, "desk", "new", known.broker, base_url=known.base_url,
                  credentials=known.credentials)  # fmt: skip
    desk.services.store.put_accounts([new])
    agenda = desk.services.tasks().look()
    assert {one.account_id for one in [*agenda.due, *agenda.missed]} <= {known.account_id}


def test_an_account_that_is_enabled_again_owes_nothing_of_the_time_between(desk: Desk) -> None:
    store, tasks = desk.services.store, desk.services.tasks()
    run_at(desk, FRIDAY, "08:00")
    desk.one(KEY)
    store.disable(KEY)

    def told() -> tuple[dict[str, str], list[dict[str, Any]], list[dict[str, Any]]]:
        return states(desk), alerts(desk, "tasks_missed"), alerts(desk, "service_silent")

    before = told()
    assert run_at(desk, FRIDAY, "16:30") == []
    at(desk, MONDAY, "09:45")
    store.enable(KEY, desk.clock.now())
    assert run_at(desk, MONDAY, "09:45") == []
    assert told() == before
    assert not any(row["stale"] for row in tasks.heartbeats(KEY))
    at(desk, MONDAY, "11:45")
    store.enable(KEY, desk.clock.now())
    tasks.look()
    assert set(states(desk, state="missed")) >= {"position_monitor 2026-11-23T10"}, "from then on"
    silent = alerts(desk, "service_silent")[len(before[2]) :]
    assert {one["service"] for one in silent} == {"sync", "tasks"}, "it was enabled already"


def test_turns_are_forgotten_once_no_look_can_miss_them(desk: Desk) -> None:
    assert run_at(desk, FRIDAY, "16:06")
    days = desk.services.settings.retention_days
    soon = desk.with_settings(retention_days=1)
    at(desk, FRIDAY + timedelta(days=8), "16:06")
    soon.services.tasks().forget()
    assert "analysis 2026-11-20" in states(desk), "a look still goes through that day"
    at(desk, FRIDAY + timedelta(days=max(days, 9) + 1), "16:06")
    assert desk.services.tasks().forget() >= 2
    assert "analysis 2026-11-20" not in states(desk)
