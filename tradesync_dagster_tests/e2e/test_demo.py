"""``tradesync demo`` as a person runs it: one demo for all, which the last of the tests ends.

A hand-placed order is found; a program asks for a sync over HTTP; a backfill and the audit run in
its Dagster; a browser draws Dagster's pages; Ctrl-C leaves nothing but the data.
"""

import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tradesync_dagster.bootstrap.dagster_graphql import ENDED, Dagster
from tradesync_dagster_tests.support.api import Api
from tradesync_dagster_tests.support.chromium import open_tab
from tradesync_dagster_tests.support.pages import Browser
from tradesync_dagster_tests.support.ports import free_ports
from tradesync_dagster_tests.support.stacks import (
    START_SECONDS,
    TRADESYNC,
    Demo,
    clear_of_midnight,
    command_of,
    descendants,
    end,
    environment,
    runs,
    start,
    until,
)

ACCOUNTS = 3
TRADING_DAYS = 4
"""Of the week from 2 March 2026, whose Tuesday is Holi."""
_ASSETS = ("order_book", "external_orders", "positions", "holdings", "snapshots")


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """A demo after its first tick; its home has a short path, for the sockets below it."""
    with tempfile.TemporaryDirectory(prefix="tsdemo", ignore_cleanup_errors=True) as folder:
        started = start(Path(folder) / "home")
        try:
            assert f"{ACCOUNTS} accounts" in started.wait_for_tick()
            yield started
        finally:
            started.end()


def test_a_port_in_use_is_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = subprocess.run(
            [*TRADESYNC, "demo", f"--home={tmp_path}", f"--port={taken.getsockname()[1]}"],
            env=environment(), cwd=tmp_path, capture_output=True, check=False, timeout=120,
        )  # fmt: skip
    assert found.returncode == 1
    sentence = found.stderr.decode()
    assert sentence.startswith("tradesync: port ")
    assert "--port" in sentence
    assert len(sentence.splitlines()) == 1


def test_a_hand_placed_order_is_found_and_shown(demo: Demo) -> None:
    clear_of_midnight(timedelta(minutes=3))
    assert len({row["broker"] for row in demo.ask("accounts", "list")}) == ACCOUNTS
    user = httpx.get(f"{demo.exchange}/sim/accounts", timeout=60).json()[0]["user_id"]
    by_hand = {
        "user_id": user, "tradingsymbol": "INFY", "exchange": "NSE",
        "transaction_type": "BUY", "quantity": 3,
    }  # fmt: skip
    placed = httpx.post(f"{demo.exchange}/sim/orders", json=by_hand, timeout=60).raise_for_status()
    order_id = placed.json()["data"]["order_id"]
    time.sleep(1.5)
    summary = demo.ask("sync", "--account", f"demo/{user}")
    assert summary["errors"] == 0

    def shown() -> list[dict[str, Any]]:
        rows = demo.ask("external", f"demo/{user}")
        return [row for row in rows if row["broker_order_id"] == order_id]

    # Where a tick of the demo's own asked a moment after this sync, that one has found it.
    found = until(shown, lambda: summary)
    assert [(row["origin"], row["symbol"], row["quantity"]) for row in found] == [
        ("external", "INFY", 3)
    ]
    assert "demo/SIM001" in overview(demo)


def overview(demo: Demo) -> str:
    """Sign in with the password that the demo printed, and look."""
    said = re.search(r"Sign in as: +(\S+), password (\S+)", demo.output.read_text())
    assert said, demo.output.read_text()
    browser = Browser(f"http://127.0.0.1:{demo.api_port}")
    with browser.client:
        page = browser.sign_in(said[1], said[2])
        assert f"{demo.ui}/runs" in page.links
        return page.text


def test_a_sync_that_a_program_asks_for_runs_in_dagster(demo: Demo, tmp_path: Path) -> None:
    made = demo.ask("api", "keys", "add", "--organization", "demo", "--name", "e2e")
    with serving(demo, tmp_path / "api.log") as url:
        api = Api(url, made["token"], "demo")
        answer = api.post("/external/trigger-sync", pseudo_account="SIM001", force=True)
        assert answer.status_code == 202, answer.text
        launched = answer.json()
        ended = end_of(demo, launched["run_id"])
        reasons = Dagster(demo.ui).reasons(launched["run_id"])
        refused = Api(url, None, "demo").post("/external/trigger-sync").status_code

        def same() -> bool:
            """Compare the two; people trade on, and a tick may come in between."""
            told = api.get("/positions/SIM001").json()
            shown = demo.ask("positions", "demo/SIM001")
            return [row["symbol"] for row in told] == [row["symbol"] for row in shown] != []

        until(same, lambda: "the API and the command show the same positions")
    assert (ended, refused) == ("SUCCESS", 401), reasons
    assert launched["accounts"] == ["demo/SIM001"]
    assert launched["url"] == f"{demo.ui}/runs/{launched['run_id']}"
    assert made["token"] not in (tmp_path / "api.log").read_text()


def end_of(demo: Demo, run_id: str) -> str:
    """Wait for the end of a run; give its status."""
    dagster = Dagster(demo.ui)
    until(lambda: dagster.status(run_id) in ENDED, lambda: dagster.status(run_id))
    return dagster.status(run_id)


@contextmanager
def serving(demo: Demo, log: Path) -> Iterator[str]:
    (port,) = free_ports(1)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*TRADESYNC, "api", "serve", "--port", str(port), "--dagster-url", demo.ui],
            env=environment(TRADESYNC_HOME=str(demo.home)),
            cwd=demo.home,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + START_SECONDS
            while not ready(url):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield url
        finally:
            end(process)
        assert process.returncode == 0, log.read_text()


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=60).status_code == 200
    except httpx.TransportError:
        return False


def test_a_backfill_is_one_run_that_dagster_shows(demo: Demo) -> None:
    stretch = ["--from", "2026-03-02", "--to", "2026-03-06", "--dagster-url", demo.ui]
    launched = demo.ask("backfill", *stretch)
    audited = end_of(demo, Dagster(demo.ui).launch("audit_books", {}))
    found = ask(
        demo.ui, '{ runsOrError(filter: {pipelineName: "rebuild_history"}) '
        "{ ... on Runs { results { runId tags { key value } "
        "assetMaterializations { assetKey { path } partition } } } } }",
    )["runsOrError"]["results"]  # fmt: skip
    # At 16:45 of a trading day the demo's own schedule records that day.
    (run,) = [run for run in found if "dagster/schedule_name" not in keys_of(run)]
    days = {
        name: [
            one["partition"]
            for one in run["assetMaterializations"]
            if one["assetKey"]["path"] == [name]
        ]
        for name in ("daily_positions", "daily_holdings")
    }
    assert launched["status"] == audited == "SUCCESS"
    assert run["runId"] == launched["run_id"]
    assert {name: len(set(known)) for name, known in days.items()} == dict.fromkeys(
        days, ACCOUNTS * TRADING_DAYS
    )
    assert sum(map(len, days.values())) == len(run["assetMaterializations"])
    assert {"key": "dagster/max_runtime", "value": "14400"} in run["tags"]


def keys_of(run: dict[str, Any]) -> set[str]:
    return {tag["key"] for tag in run["tags"]}


def ask(ui: str, query: str) -> Any:
    answer = httpx.post(f"{ui}/graphql", json={"query": query}, timeout=60).json()
    assert not answer.get("errors"), answer
    return answer["data"]


@pytest.mark.browser
def test_the_browser_shows_the_assets(demo: Demo) -> None:
    with open_tab(demo.home) as tab:
        tab.open(f"{demo.ui}/assets")
        for asset in _ASSETS:
            tab.wait(f"document.body.innerText.includes('{asset}')")
        assert len(tab.draw(demo.home / "assets.png")) > 10_000


def test_ctrl_c_leaves_nothing_but_data_and_a_dead_exchange_ends_the_next(demo: Demo) -> None:
    clear_of_midnight(timedelta(minutes=5))
    children = descendants(demo.process.pid)
    demo.end()
    assert demo.process.returncode == 0, demo.output.read_text()
    assert "Ended." in demo.output.read_text()
    assert len(children) >= 4
    assert not [pid for pid in children if runs(pid)]
    before = {row["broker_order_id"] for row in demo.ask("orders")}
    assert before
    second = start(demo.home)
    try:
        second.wait_for_tick()
        assert before <= {row["broker_order_id"] for row in second.ask("orders")}
        children = descendants(second.process.pid)
        exchange = [pid for pid in children if b"exchange\0serve" in command_of(pid)]
        os.kill(exchange[0], signal.SIGKILL)
        assert second.process.wait(START_SECONDS) == 1
        assert "exchange ended by itself with code -9" in second.output.read_text()
        assert not [pid for pid in children if runs(pid)]
    finally:
        second.end()
