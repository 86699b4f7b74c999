"""``tradesync backfill`` and the audit against the Dagster that a demo starts."""

import time
from pathlib import Path
from typing import Any

import httpx

from tradesync_dagster.bootstrap.dagster_graphql import ENDED, Dagster
from tradesync_dagster_tests.e2e.test_demo import start

ACCOUNTS = 3
TRADING_DAYS = 4
"""Of the week from 2 March 2026, whose Tuesday is Holi."""


def ask(ui: str, query: str) -> Any:
    answer = httpx.post(f"{ui}/graphql", json={"query": query}, timeout=60).json()
    assert not answer.get("errors"), answer
    return answer["data"]


def test_a_backfill_is_one_run_that_dagster_shows(tmp_path: Path) -> None:
    demo = start(tmp_path / "demo")
    try:
        demo.wait_for_tick()
        stretch = ["--from", "2026-03-02", "--to", "2026-03-06", "--dagster-url", demo.ui]
        launched = demo.ask("backfill", *stretch)
        dagster = Dagster(demo.ui)
        audit = dagster.launch("audit_books", {})
        while dagster.status(audit) not in ENDED:
            time.sleep(0.5)
        audited = dagster.status(audit)
        nodes = ask(
            demo.ui,
            '{ assetNodes(assetKeys: [{path: "daily_positions"}, {path: "daily_holdings"}]) '
            "{ partitionStats { numMaterialized numFailed } } }",
        )["assetNodes"]
        runs = ask(
            demo.ui, '{ runsOrError(filter: {pipelineName: "rebuild_history"}) '
            "{ ... on Runs { results { runId status tags { key value } } } } }",
        )["runsOrError"]["results"]  # fmt: skip
    finally:
        demo.end()
    assert launched["status"] == audited == "SUCCESS"
    full = {"numMaterialized": ACCOUNTS * TRADING_DAYS, "numFailed": 0}
    assert [node["partitionStats"] for node in nodes] == [full, full]
    assert [run["runId"] for run in runs] == [launched["run_id"]]
    assert {"key": "dagster/max_runtime", "value": "14400"} in runs[0]["tags"]
