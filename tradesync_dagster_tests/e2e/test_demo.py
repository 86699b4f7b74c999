"""``tradesync demo`` as a person runs it: real processes, a hand-placed order, Ctrl-C."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

_ENVIRONMENT = os.environ  # noqa: TID251
_SETTINGS = ("TRADESYNC_", "DAGSTER_", "REDIS_", "RABBITMQ_")
_START_SECONDS = 120.0
_END_SECONDS = 30.0
_TRADESYNC = [sys.executable, "-m", "tradesync_dagster.cli"]
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def environment(**extra: str) -> dict[str, str]:
    own = {k: v for k, v in _ENVIRONMENT.items() if not k.startswith(_SETTINGS)}
    return own | extra


def free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@dataclass
class Demo:
    home: Path
    port: int
    exchange_port: int
    process: "subprocess.Popen[bytes]"
    output: Path

    @property
    def exchange(self) -> str:
        return f"http://127.0.0.1:{self.exchange_port}"

    @property
    def ui(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_for_tick(self) -> str:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            text = self.output.read_text()
            ticks = [line for line in text.splitlines() if line.startswith("sync ")]
            if ticks:
                return ticks[0]
            if self.process.poll() is not None:
                pytest.fail(f"the demo ended with code {self.process.returncode}:\n{text}")
            time.sleep(0.1)
        pytest.fail(f"no tick within {_START_SECONDS:g} s:\n{self.output.read_text()}")

    def ask(self, *arguments: str) -> Any:
        short = {"TRADESYNC_CONFIRM_SECONDS": "1", "TRADESYNC_MINIMUM_AGE_SECONDS": "1"}
        found = subprocess.run(
            [*_TRADESYNC, *arguments, "--json"],
            env=environment(TRADESYNC_HOME=str(self.home), **short),
            cwd=self.home,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert found.returncode == 0, found.stderr.decode()
        return orjson.loads(found.stdout)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def start(home: Path, *options: str) -> Demo:
    port, exchange_port = free_ports(2)
    home.mkdir(parents=True, exist_ok=True)
    output = home.parent / f"{home.name}.out"
    where = [f"--home={home}", f"--port={port}", f"--exchange-port={exchange_port}"]
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*_TRADESYNC, "demo", *where, "--accounts=3", *options],
            env=environment(), cwd=home.parent, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
    return Demo(home, port, exchange_port, process, output)


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


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@pytest.fixture
def home() -> Iterator[Path]:
    """A short path: sockets below a home have little room for their names."""
    with tempfile.TemporaryDirectory(prefix="tsdemo", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "home"


def test_a_hand_placed_order_is_found_and_ctrl_c_leaves_nothing(home: Path) -> None:
    demo = start(home, "--people-rate=0")
    try:
        assert "3 accounts" in demo.wait_for_tick()
        assert len({row["broker"] for row in demo.ask("accounts", "list")}) == 3
        user = httpx.get(f"{demo.exchange}/sim/accounts").json()[0]["user_id"]
        by_hand = {
            "user_id": user, "tradingsymbol": "INFY", "exchange": "NSE",
            "transaction_type": "BUY", "quantity": 3,
        }  # fmt: skip
        placed = httpx.post(f"{demo.exchange}/sim/orders", json=by_hand).raise_for_status()
        order_id = placed.json()["data"]["order_id"]
        time.sleep(1.5)
        summary = demo.ask("sync", "--account", f"demo/{user}")
        assert summary["errors"] == 0
        found = [
            row for row in demo.ask("external", f"demo/{user}")
            if row["broker_order_id"] == order_id
        ]  # fmt: skip
        assert [(row["origin"], row["symbol"], row["quantity"]) for row in found] == [
            ("external", "INFY", 3)
        ]
        children = descendants(demo.process.pid)
        assert len(children) >= 3
    finally:
        demo.end()
    assert demo.process.returncode == 0, demo.output.read_text()
    assert "Ended." in demo.output.read_text()
    assert not [pid for pid in children if runs(pid)]


def test_a_second_demo_finds_its_data_and_a_dead_exchange_ends_it(home: Path) -> None:
    first = start(home)
    try:
        first.wait_for_tick()
    finally:
        first.end()
    before = {row["broker_order_id"] for row in first.ask("orders")}
    assert before
    second = start(home)
    try:
        second.wait_for_tick()
        assert before <= {row["broker_order_id"] for row in second.ask("orders")}
        children = descendants(second.process.pid)
        exchange = [
            pid
            for pid in children
            if b"exchange\0serve" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        os.kill(exchange[0], signal.SIGKILL)
        assert second.process.wait(_END_SECONDS) == 1
        assert "exchange ended by itself with code -9" in second.output.read_text()
        assert not [pid for pid in children if runs(pid)]
    finally:
        second.end()


def test_a_port_in_use_is_a_sentence(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = subprocess.run(
            [*_TRADESYNC, "demo", f"--home={home}", f"--port={taken.getsockname()[1]}"],
            env=environment(), cwd=home.parent, capture_output=True, check=False, timeout=60,
        )  # fmt: skip
    assert found.returncode == 1
    sentence = found.stderr.decode()
    assert sentence.startswith("tradesync: port ")
    assert "--port" in sentence
    assert len(sentence.splitlines()) == 1


@pytest.mark.browser
def test_the_browser_shows_the_assets(home: Path) -> None:
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        if _ENVIRONMENT.get("TRADESYNC_REQUIRE_SERVICES") == "1":
            pytest.fail("Chromium is not installed", pytrace=False)
        pytest.skip("Chromium is not installed")
    demo = start(home)
    try:
        demo.wait_for_tick()
        page = dump_page(browser, f"{demo.ui}/assets", home)
    finally:
        demo.end()
    for asset in ("order_book", "external_orders", "positions", "holdings", "snapshots"):
        assert asset in page
    assert (home / "assets.png").stat().st_size > 10_000


def dump_page(browser: str, address: str, home: Path) -> str:
    """Open a page until its assets have been drawn, and give its text as the browser has it."""
    flags = [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--disable-dev-shm-usage", "--window-size=1400,1000", "--virtual-time-budget=20000",
        f"--user-data-dir={home / 'browser'}",
    ]  # fmt: skip
    page = ""
    for wanted in (f"--screenshot={home / 'assets.png'}", "--dump-dom"):
        found = subprocess.run(
            [browser, *flags, wanted, address], cwd=home, env=environment(),
            capture_output=True, check=True, timeout=120,
        )  # fmt: skip
        page = found.stdout.decode()
    return page
