"""``tradesync demo`` and ``tradesync run`` as real processes, and whatever they have started.

What belongs here: starting them, waiting for them, ending them. What does not: what a test then
finds in them, and the house of fake orders (``moderated_house``).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest

from tradesync_dagster.domain.market_calendar import IST, start_of
from tradesync_dagster_tests.support.ports import free_ports

TRADESYNC = [sys.executable, "-m", "tradesync_dagster.cli"]
START_SECONDS = 600.0
"""How long a busy machine may take to start Dagster and to carry out a first run."""
_END_SECONDS = 120.0
_ENVIRONMENT = os.environ  # noqa: TID251
_SETTINGS = ("TRADESYNC_", "DAGSTER_", "REDIS_", "RABBITMQ_")
_DAY = timedelta(days=1)
_Found = TypeVar("_Found")


def now() -> datetime:
    return datetime.now(IST)  # noqa: TID251 - the stacks' own clock


def environment(**extra: str) -> dict[str, str]:
    """Give a stack's environment: without this process's settings, and with no session these days.

    Its clock is the machine's. Were the exchanges open, each minute would bring runs of tasks and
    of the monitor that on other days are not there, take a broker's fault that a test has armed
    for a sync, and be killed with it.
    """
    own = {k: v for k, v in _ENVIRONMENT.items() if not k.startswith(_SETTINGS)}
    days = (now().date() + number * _DAY for number in (-1, 0, 1))
    return own | {"TRADESYNC_SPECIAL_SESSIONS": ", ".join(f"{day} closed" for day in days)} | extra


def clear_of_midnight(within: timedelta) -> None:
    """Wait for the exchange's next day where this one is about to end: its books begin anew."""
    left = start_of(now().date() + _DAY) - now()
    if left < within:
        time.sleep(left.total_seconds() + 1)


def until(found: Callable[[], _Found], told: Callable[[], object]) -> _Found:
    """Wait until something is there, and give it."""
    deadline = time.monotonic() + START_SECONDS
    while not (answer := found()):
        assert time.monotonic() < deadline, f"not within {START_SECONDS:g} s: {told()}"
        time.sleep(0.3)
    return answer


@dataclass
class Demo:
    home: Path
    port: int
    exchange_port: int
    api_port: int
    process: "subprocess.Popen[bytes]"
    output: Path

    @property
    def exchange(self) -> str:
        return f"http://127.0.0.1:{self.exchange_port}"

    @property
    def ui(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_for_tick(self) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            text = self.output.read_text()
            ticks = [line for line in text.splitlines() if line.startswith("sync ")]
            if ticks:
                return ticks[0]
            if self.process.poll() is not None:
                pytest.fail(f"the demo ended with code {self.process.returncode}:\n{text}")
            time.sleep(0.1)
        pytest.fail(f"no tick within {START_SECONDS:g} s:\n{self.output.read_text()}")

    def ask(self, *arguments: str) -> Any:
        short = {"TRADESYNC_CONFIRM_SECONDS": "1", "TRADESYNC_MINIMUM_AGE_SECONDS": "1"}
        found = subprocess.run(
            [*TRADESYNC, *arguments, "--json"],
            env=environment(TRADESYNC_HOME=str(self.home), **short),
            cwd=self.home,
            capture_output=True,
            check=False,
            timeout=START_SECONDS,
        )
        assert found.returncode == 0, found.stderr.decode()
        return orjson.loads(found.stdout)

    def end(self) -> None:
        end(self.process)


def start(home: Path, *options: str) -> Demo:
    port, exchange_port, api_port = free_ports(3)
    home.mkdir(parents=True, exist_ok=True)
    output = home.parent / f"{home.name}.out"
    where = [f"--home={home}", f"--port={port}", f"--exchange-port={exchange_port}"]
    where.append(f"--api-port={api_port}")
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*TRADESYNC, "demo", *where, "--accounts=3", *options],
            env=environment(), cwd=home.parent, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
    return Demo(home, port, exchange_port, api_port, process, output)


def descendants(root: int) -> set[int]:
    """Everything that a process has started, and what that has started."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found: set[int] = set()
    fresh = {root}
    while fresh:
        fresh = {pid for pid, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return found


def command_of(pid: int) -> bytes:
    """Give a process's command; empty where it has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def end(process: "subprocess.Popen[bytes]") -> None:
    """End it as Ctrl-C does, and by force if that takes too long."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(_END_SECONDS)
    finally:
        process.kill()
        process.wait()
