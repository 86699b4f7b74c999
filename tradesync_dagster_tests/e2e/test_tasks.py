"""The desk's seven tasks under ``tradesync run``: on schedules set meanwhile, and after a kill."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import orjson
import pytest

from tradesync_dagster.bootstrap import Services, open_services
from tradesync_dagster.brokers.exchange.server import ExchangeConfig, running_exchange
from tradesync_dagster.domain.task_schedules import HOUR, MINUTE, Repeat
from tradesync_dagster.domain.tasks import Task
from tradesync_dagster.settings import Settings
from tradesync_dagster_tests.support.desk import ask
from tradesync_dagster_tests.support.laid_books import lay
from tradesync_dagster_tests.support.ports import free_port, free_ports
from tradesync_dagster_tests.support.stacks import (
    START_SECONDS,
    TRADESYNC,
    descendants,
    end,
    environment,
    now,
    runs,
    until,
)
from tradesync_dagster_tests.support.store_frames import stored

pytestmark = pytest.mark.soak
Turns = dict[tuple[str, str], list[dict[str, Any]]]


@dataclass
class Office:
    """A home with its accounts, in which ``tradesync run`` is started and killed."""

    folder: Path
    settings: dict[str, str]
    services: Services

    def tradesync(self, *arguments: str, typed: str = "") -> bytes:
        return subprocess.run(
            [*TRADESYNC, *arguments], env=self.settings, cwd=self.folder, input=typed.encode(),
            capture_output=True, check=True, timeout=START_SECONDS,
        ).stdout  # fmt: skip

    def add(self, name: str, url: str, secrets: dict[str, str]) -> None:
        self.tradesync(
            "accounts", "add", name, "--broker=ZERODHA", f"--base-url={url}",
            "--credentials-stdin", typed=json.dumps(secrets),
        )  # fmt: skip

    def told(self) -> set[str]:
        return {row["routing_key"] for row in stored(self.services.store, "outbox")}

    def turns(self) -> Turns:
        found: Turns = {}
        rows = orjson.loads(self.tradesync("schedule", "turns", "--days=2", "--json"))
        for row in rows:
            found.setdefault((row["account"], row["task"]), []).append(row)
        return found

    @contextmanager
    def running(self) -> "Iterator[subprocess.Popen[bytes]]":
        output = self.folder / "run.out"
        port, api_port = free_ports(2)
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*TRADESYNC, "run", f"--port={port}", f"--api-port={api_port}"],
                env=self.settings, cwd=self.folder, stdout=file, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            until(
                lambda: process.poll() is not None or "Ctrl-C ends" in output.read_text(),
                output.read_text,
            )
            assert process.poll() is None, output.read_text()
            yield process
        finally:
            if process.poll() is None:
                end(process)


def office(folder: Path, url: str) -> Office:
    """Make a home in which today and tomorrow are trading days, whatever the calendar says."""
    today = now().date()
    days = [today, today + timedelta(days=1)]
    settings = environment(
        TRADESYNC_HOME=str(folder / "home"),
        TRADESYNC_SPECIAL_SESSIONS=", ".join(f"{day} 09:15-15:30" for day in days),
        TRADESYNC_CONFIRM_SECONDS="0",
        TRADESYNC_MINIMUM_AGE_SECONDS="0",
        BROKER_API_RETRY_ATTEMPTS="1",
    )
    home = folder / "home"
    lay(f"sqlite:///{home}/books.sqlite3").dispose()
    made = Office(folder, settings, open_services(Settings(home=home, _env_file=None)))
    (user,) = ask(f"{url}/sim/accounts")
    secrets = {name: user[name] for name in ("api_key", "access_token")}
    made.add("acme/main", url, secrets)
    made.add("acme/sick", f"http://127.0.0.1:{free_port()}", secrets)
    for task in Task:  # nothing is due by itself, at whatever hour this runs
        made.services.tasks().set_schedule("", task, {"enabled": False}, "e2e")
    return made


def test_tasks_run_on_schedules_set_meanwhile_and_a_failing_one_stops_no_other(
    tmp_path: Path,
) -> None:
    if (now() + HOUR / 2).date() != now().date():
        pytest.skip("a turn's slot is of its day in Asia/Kolkata, which is about to end")
    with running_exchange(ExchangeConfig(accounts=1, people_rate=0.0)) as url:
        desk = office(tmp_path, url)
        try:
            with desk.running() as process:
                _all_tasks_are_done(desk)
                killed = descendants(process.pid) | {process.pid}
                since = _due_while_nothing_runs(desk)
                for pid in killed:
                    _kill(pid)
            until(lambda: not [pid for pid in killed if runs(pid)], lambda: killed)
            until(lambda: now() >= since + 2 * MINUTE, now)
            with desk.running():
                _what_was_missed_is_told(desk, since)
        finally:
            desk.services.close()


def _all_tasks_are_done(desk: Office) -> None:
    """Set schedules while the daemon is up, and see each task done once by both accounts."""
    until(lambda: desk.services.tasks().heartbeats("acme/main"), now)
    begins = now() + 3 * MINUTE
    times = {"start": _minute(begins), "repeats": Repeat.ONCE, "grace": HOUR}
    for task in set(Task) - {Task.ANALYSIS}:
        desk.services.tasks().set_schedule("acme", task, times | {"enabled": True}, "e2e")
    words = ["--at", f"{begins:%H:%M}", "--repeats=once", "--grace=60", "--who=e2e"]
    desk.tradesync("schedule", "set", "analysis", "acme", *words)
    desk.tradesync("schedule", "enable", "analysis", "acme", "--who=e2e")
    assert now() < begins.replace(second=0), "a busy machine; the schedule was set in time"
    wanted = {(account, task.value) for account in ("acme/main", "acme/sick") for task in Task}

    def ended() -> bool:
        found = desk.turns()
        return all(one in found and found[one][0]["ended_at"] for one in wanted)

    until(ended, desk.turns)
    found = desk.turns()
    assert {name: len(rows) for name, rows in found.items()} == dict.fromkeys(wanted, 1)
    states = {name: rows[0]["state"] for name, rows in found.items()}
    assert {states["acme/main", task.value] for task in Task} == {"done"}, found
    failed = {task for (_, task), state in states.items() if state == "failed"}
    assert {"position_monitor", "eod_cleanup"} <= failed, "they ask a broker that is not there"
    assert states["acme/sick", "buy_orders"] == "done", "a failing task stops no other"
    told = desk.told()
    assert "account.sick.task_failed" in told
    assert "account.main.task_failed" not in told


def _due_while_nothing_runs(desk: Office) -> datetime:
    """Let two tasks be due soon: one with no grace, one that may be late; return when."""
    due = now() + 2 * MINUTE
    hourly = {"start": _minute(due), "end": _minute(due + MINUTE), "repeats": Repeat.HOURLY}
    for task, grace in ((Task.PREMARKET_RETRY, 0 * MINUTE), (Task.ANALYSIS, 50 * MINUTE)):
        desk.services.tasks().set_schedule("acme/main", task, hourly | {"grace": grace}, "e2e")
    return due.replace(second=0, microsecond=0)


def _what_was_missed_is_told(desk: Office, due: datetime) -> None:
    slot = f"{due:%Y-%m-%dT%H}"

    def turns_of(task: str) -> list[dict[str, Any]]:
        return [row for row in desk.turns()["acme/main", task] if row["slot"] == slot]

    until(lambda: turns_of("analysis") and turns_of("analysis")[0]["ended_at"], desk.turns)
    [late], [missed] = turns_of("analysis"), turns_of("premarket_retry")
    assert (late["state"], late["attempts"]) == ("done", 1)
    assert datetime.fromisoformat(late["started_at"]) > due + MINUTE
    assert missed["state"] == "missed"
    assert "account.main.tasks_missed" in desk.told()


def _minute(moment: datetime) -> clock_time:
    return moment.time().replace(second=0, microsecond=0)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
