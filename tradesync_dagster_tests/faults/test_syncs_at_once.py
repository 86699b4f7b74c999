"""Six processes sync the same accounts at once, again and again: no update is lost or doubled."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import select

from tradesync_dagster.store import tables
from tradesync_dagster_tests.support.desk import Desk, open_desk
from tradesync_dagster_tests.support.followed import check_ledger, check_snapshots

ROOT = Path(__file__).resolve().parents[2]
USERS = ["SIM001", "SIM002", "SIM003"]
PROCESSES, ROUNDS = 6, 4


def start(desk: Desk, redis_url: str, number: int) -> "subprocess.Popen[str]":
    settings = desk.services.settings
    assert settings.database_url is not None
    document = {
        "home": str(settings.home), "database_url": settings.database_url.get_secret_value(),
        "redis_url": redis_url, "now": (desk.clock.moment + timedelta(seconds=number)).isoformat(),
        "times": ROUNDS,
    }  # fmt: skip
    module = "tradesync_dagster_tests.support.syncing_process"
    return subprocess.Popen(
        [sys.executable, "-m", module, json.dumps(document)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def rows(desk: Desk, name: str) -> list[Any]:
    table = tables.metadata.tables[name]
    with desk.services.store.reading() as connection:
        query = select(table).order_by(*table.primary_key.columns)
        return [dict(row) for row in connection.execute(query).mappings()]


@pytest.mark.redis
def test_six_at_once_are_as_one(
    database_url: str, tmp_path: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    with open_desk(database_url, tmp_path, people_rate=0.7, seed=11) as desk:
        desk.step(12)
        desk.clock.move(timedelta(minutes=5))
        processes = [start(desk, redis_url, number) for number in range(PROCESSES)]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.communicate()[1]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        ends = [process.communicate(timeout=300) for process in processes]
        assert [process.returncode for process in processes] == [0] * PROCESSES, ends
        statuses = [status for out, _ in ends for status in out.split()]
        assert statuses == ["success"] * PROCESSES * ROUNDS
        desk.clock.move(timedelta(minutes=5))
        last = desk.with_settings(redis_url=SecretStr(redis_url)).sync()
        assert {result.status for result in last.results} == {"success"}
        assert check_ledger(desk, USERS) > 15
        check_snapshots(desk, redis_client)
        fills = rows(desk, "fills")
        truth = [fill for user in USERS for fill in desk.truth(user)["fills"]]
        assert sorted(f["trade_id"] for f in fills) == sorted(f["trade_id"] for f in truth)
        told = [row["routing_key"].rpartition(".")[2] for row in rows(desk, "outbox")]
        external = [row for row in rows(desk, "orders") if row["origin"] == "external"]
        assert told.count("external_order") == len(external) > 15
        assert told.count("sync_completed") == 3 * (PROCESSES * ROUNDS + 1)
        confirmed = [r for r in rows(desk, "order_events") if r["kind"] == "confirmed_external"]
        assert len(confirmed) == len(external)
        found = [r for r in rows(desk, "breaks") if r["state"] == "open"]
        assert found == []
