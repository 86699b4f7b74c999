"""A house of fake orders: ``tradesync run`` with one account, which is disabled, and its books.

What belongs here: starting it, and asking it what runs there are and what is left to decide. What
does not: what must have become of the orders (``fake_orders``).
"""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tradesync_dagster.bootstrap import Services, open_services
from tradesync_dagster.settings import Settings
from tradesync_dagster_tests.support.laid_books import lay
from tradesync_dagster_tests.support.ports import free_ports
from tradesync_dagster_tests.support.stacks import START_SECONDS, TRADESYNC, end, environment

_RUNS = """
query { runsOrError(filter: {pipelineName: "moderate_fake_orders"}) {
  __typename ... on Runs { results { runId status } }
} }
"""
_LOGS = """
query Logs($run: ID!) { logsForRun(runId: $run) {
  __typename ... on EventConnection { events { ... on MessageEvent { message } } }
} }
"""


@dataclass
class House:
    services: Services
    url: str
    process: "subprocess.Popen[bytes]"

    def runs(self) -> dict[str, str]:
        found = self.ask(_RUNS, {})["runsOrError"]["results"]
        return {one["runId"]: one["status"] for one in found}

    def process_of(self, run_id: str) -> int | None:
        events = self.ask(_LOGS, {"run": run_id})["logsForRun"]["events"]
        text = " ".join(str(event.get("message")) for event in events)
        found = re.search(r"process for run \(pid: (\d+)\)", text)
        return int(found[1]) if found else None

    def ask(self, query: str, variables: dict[str, str]) -> Any:
        body = {"query": query, "variables": variables}
        return httpx.post(f"{self.url}/graphql", json=body, timeout=60).json()["data"]

    def left(self) -> int:
        with self.services.store.reading() as connection:
            query = "SELECT count(*) FROM fake_orders WHERE status = 'PENDING'"
            return int(connection.exec_driver_sql(query).scalar_one())

    def wait_until_decided(self, left: int = 0) -> None:
        """Wait until no more than some orders are left."""
        deadline = time.monotonic() + START_SECONDS
        while self.left() > left:
            assert self.process.poll() is None, "tradesync run ended by itself"
            assert time.monotonic() < deadline, f"{self.left()} orders are left, {self.runs()}"
            time.sleep(0.05)

    def wait_until_waiting(self) -> None:
        """Wait until a run is up that waits for more orders; one may be handing over to it."""
        deadline = time.monotonic() + START_SECONDS
        while "STARTED" not in self.runs().values():
            assert time.monotonic() < deadline, self.runs()
            time.sleep(0.2)

    def wait_until_ended(self) -> None:
        """Wait until every run has ended by itself."""
        deadline = time.monotonic() + START_SECONDS
        while set(self.runs().values()) != {"SUCCESS"}:
            assert time.monotonic() < deadline, self.runs()
            time.sleep(0.2)


@contextmanager
def running(folder: Path) -> Iterator[House]:
    home = folder / "home"
    settings = environment(TRADESYNC_HOME=str(home))
    port, api_port = free_ports(2)

    def tradesync(*arguments: str) -> None:
        subprocess.run(
            [*TRADESYNC, *arguments], env=settings, cwd=folder, check=True, timeout=120,
            capture_output=True,
        )  # fmt: skip

    lay(f"sqlite:///{home}/books.sqlite3").dispose()
    secrets = ["--api-key", "k", "--access-token", "t"]
    tradesync("accounts", "add", "acme/main", "--broker", "ZERODHA", *secrets)
    tradesync("accounts", "disable", "acme/main")
    output = folder / "run.out"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*TRADESYNC, "run", f"--port={port}", f"--api-port={api_port}"],
            env=settings, cwd=folder, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
    services = open_services(Settings(home=home, _env_file=None))
    try:
        deadline = time.monotonic() + START_SECONDS
        while "Ctrl-C ends" not in output.read_text():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.1)
        yield House(services, f"http://127.0.0.1:{port}", process)
    finally:
        services.close()
        end(process)
    assert process.returncode == 0, output.read_text()


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)  # noqa: TID251 - the daemon's own clock
