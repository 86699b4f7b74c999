"""``tradesync api serve`` as a process, starting a sync in the Dagster that a demo runs."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tradesync_dagster.bootstrap.dagster_graphql import ENDED, Dagster
from tradesync_dagster_tests.e2e.test_demo import (
    _TRADESYNC,
    Demo,
    environment,
    free_ports,
    start,
)
from tradesync_dagster_tests.support.api import Api


@contextmanager
def serving(demo: Demo, log: Path) -> Iterator[str]:
    (port,) = free_ports(1)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_TRADESYNC, "api", "serve", "--port", str(port), "--dagster-url", demo.ui],
            env=environment(TRADESYNC_HOME=str(demo.home)),
            cwd=demo.home,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(300):
                try:
                    if httpx.get(f"{url}/health/ready", timeout=5).status_code == 200:
                        break
                except httpx.TransportError:
                    assert process.poll() is None, log.read_text()
                    time.sleep(0.1)
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(30)
        assert code == 0, log.read_text()


def test_a_sync_that_a_program_asks_for_runs_in_dagster(tmp_path: Path) -> None:
    demo = start(tmp_path / "demo")
    try:
        demo.wait_for_tick()
        made = demo.ask("api", "keys", "add", "--organization", "demo", "--name", "e2e")
        with serving(demo, tmp_path / "api.log") as url:
            api = Api(url, made["token"], "demo")
            answer = api.post("/external/trigger-sync", pseudo_account="SIM001", force=True)
            assert answer.status_code == 202, answer.text
            launched = answer.json()
            dagster = Dagster(demo.ui)
            while dagster.status(launched["run_id"]) not in ENDED:
                time.sleep(0.5)
            ended = dagster.status(launched["run_id"])
            reasons = dagster.reasons(launched["run_id"])
            refused = Api(url, None, "demo").post("/external/trigger-sync").status_code
            positions = api.get("/positions/SIM001").json()
        shown = demo.ask("positions", "demo/SIM001")
    finally:
        demo.end()
    assert (ended, refused) == ("SUCCESS", 401), reasons
    assert launched["accounts"] == ["demo/SIM001"]
    assert launched["url"] == f"{demo.ui}/runs/{launched['run_id']}"
    assert [row["symbol"] for row in positions] == [row["symbol"] for row in shown]
    assert made["token"] not in (tmp_path / "api.log").read_text()
