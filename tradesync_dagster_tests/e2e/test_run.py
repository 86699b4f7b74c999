"""``tradesync run`` as a desk runs it: its own account, ticks by Dagster's schedule, Ctrl-C.

The first tick's process is killed on the way: Dagster says that it failed, and the next tick makes
it whole.
"""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx

from tradesync_dagster.brokers.exchange.server import ExchangeConfig, running_exchange
from tradesync_dagster_tests.support.desk import ask
from tradesync_dagster_tests.support.ports import free_ports
from tradesync_dagster_tests.support.stacks import (
    TRADESYNC,
    clear_of_midnight,
    command_of,
    descendants,
    end,
    environment,
    runs,
    until,
)

_RUNS = """{ runsOrError(filter: {pipelineName: "sync_job"}) { ... on Runs { results {
    runId status } } } }"""


@dataclass
class Desk:
    process: "subprocess.Popen[bytes]"
    port: int
    output: Path


def ticks(port: int) -> dict[str, str]:
    """Give the status of every tick's run by its id; nothing while Dagster starts."""
    try:
        answer = httpx.post(
            f"http://127.0.0.1:{port}/graphql", json={"query": _RUNS}, timeout=60
        ).json()
    except (httpx.HTTPError, ValueError):
        return {}
    found = (answer.get("data") or {}).get("runsOrError", {}).get("results", [])
    return {run["runId"]: run["status"] for run in found}


def workers(root: int, run_id: str) -> set[int]:
    """Find the processes that carry a run out: the broker keeps them waiting."""
    commands = {pid: command_of(pid) for pid in descendants(root)}
    return {
        pid
        for pid, words in commands.items()
        if run_id.encode() in words or b"multiprocessing" in words
    }


def words_of(output: Path) -> str:
    """Give the line of the first tick that ended by itself; empty before it."""
    said = output.read_text().splitlines()
    return next((line for line in said if line.startswith("sync ")), "")


def launch(settings: dict[str, str], folder: Path, url: str, user: dict[str, str]) -> Desk:
    """Lay the books, add the exchange's account, and start ``tradesync run``."""
    secrets = json.dumps({name: user[name] for name in ("api_key", "access_token")})
    tradesync(settings, folder, "db", "upgrade")
    tradesync(settings, folder, "accounts", "add", "acme/main", "--broker=ZERODHA",
              f"--base-url={url}", "--credentials-stdin", typed=secrets)  # fmt: skip
    port, api_port = free_ports(2)
    output = folder / "run.out"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*TRADESYNC, "run", f"--port={port}", f"--api-port={api_port}"],
            env=settings, cwd=folder, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
    return Desk(process, port, output)


def tradesync(settings: dict[str, str], folder: Path, *arguments: str, typed: str = "") -> bytes:
    return subprocess.run(
        [*TRADESYNC, *arguments], env=settings, cwd=folder, input=typed.encode(),
        capture_output=True, check=True, timeout=120,
    ).stdout  # fmt: skip


def kill_the_first_tick(desk: Desk) -> None:
    """Kill the processes of the first tick's run; wait until Dagster has seen it, and mended it."""

    def started() -> str | None:
        found = ticks(desk.port)
        return next((run for run, status in found.items() if status == "STARTED"), None)

    run_id = until(started, desk.output.read_text)
    victims = until(lambda: workers(desk.process.pid, run_id), lambda: "a process of the run")
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    until(lambda: ticks(desk.port).get(run_id) == "FAILURE", lambda: f"{run_id} failed")
    failed = time.monotonic() - killed
    assert not [pid for pid in victims if runs(pid)]
    until(lambda: "SUCCESS" in ticks(desk.port).values(), lambda: "the next tick")
    sys.stdout.write(f"failed after {failed:.1f} s, whole again after "
                     f"{time.monotonic() - killed:.1f} s\n")  # fmt: skip


def test_a_killed_tick_fails_the_next_makes_it_whole_and_ctrl_c_leaves_nothing(
    tmp_path: Path,
) -> None:
    clear_of_midnight(timedelta(minutes=5))
    settings = environment(
        TRADESYNC_HOME="books",
        TRADESYNC_CONFIRM_SECONDS="0",
        TRADESYNC_MINIMUM_AGE_SECONDS="0",
        EXTERNAL_ORDER_SYNC_INTERVAL_MINUTES="1",
    )
    with running_exchange(ExchangeConfig(accounts=1, people_rate=0.0)) as url:
        (user,) = ask(f"{url}/sim/accounts")
        by_hand = {"user_id": user["user_id"], "tradingsymbol": "INFY", "exchange": "NSE",
                   "transaction_type": "BUY", "quantity": 3}  # fmt: skip
        order_id = ask(f"{url}/sim/orders", by_hand)["order_id"]
        ask(f"{url}/sim/faults", {"kind": "slow", "path": "/portfolio/holdings", "seconds": 25,
                                  "times": 1})  # fmt: skip
        desk = launch(settings, tmp_path, url, user)
        try:
            kill_the_first_tick(desk)
            line = until(lambda: words_of(desk.output), desk.output.read_text)
            children = descendants(desk.process.pid)
        finally:
            end(desk.process)
    said = desk.output.read_text()
    assert desk.process.returncode == 0, said
    assert "1 accounts" in line
    assert "(+1)" in line
    assert "0 errors" in line
    # The UI, the daemon and what serves the code; no simulated exchange, and none of them left.
    assert len(children) >= 3
    assert not [pid for pid in children if runs(pid)]
    assert {log.name for log in (tmp_path / "books" / "logs").iterdir()} == {
        "dagster.log",
        "api.log",
    }
    assert "Nobody may sign in yet: tradesync people add" in said
    (order,) = json.loads(tradesync(settings, tmp_path, "external", "acme/main", "--json"))
    assert (order["broker_order_id"], order["origin"]) == (order_id, "external")
