"""A sync killed at every point, and the next one: as if nothing had happened.

Each point is a SIGKILL before or after one statement, commit, Redis write or publish. A run tries
every n-th point (``TRADESYNC_CRASH_STRIDE``; 1 is all of them, as in ``make soak``).
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tradesync_dagster_tests.support.crash_points import MUTANTS
from tradesync_dagster_tests.support.crash_scenes import SCENES
from tradesync_dagster_tests.support.servers import own_postgres, own_redis

pytestmark = [pytest.mark.redis, pytest.mark.rabbitmq]
ROOT = Path(__file__).resolve().parents[2]
STRIDE = int(os.environ.get("TRADESYNC_CRASH_STRIDE", "101"))  # noqa: TID251
"""Odd, so that points before and points after take turns."""
MOST_SECONDS = 3_600


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A server that does not wait for disks: what is killed here are its clients."""
    with own_postgres() as url:
        yield url


@pytest.fixture(scope="module")
def redis_server() -> Iterator[str]:
    with own_redis() as port:
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def server(request: pytest.FixtureRequest) -> str:
    """Where databases are made; empty for SQLite."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres"))


@pytest.fixture
def wanted(server: str, redis_server: str, rabbitmq_url: str, tmp_path: Path) -> dict[str, Any]:
    return {
        "home": str(tmp_path), "postgres": server, "redis": redis_server,
        "rabbitmq": rabbitmq_url, "mutant": "", "first": 0, "stride": STRIDE,
        "seconds": MOST_SECONDS,
    }  # fmt: skip


def drive(wanted: dict[str, Any]) -> dict[str, Any]:
    module = "tradesync_dagster_tests.support.crash_driver"
    done = subprocess.run(
        [sys.executable, "-m", module, json.dumps(wanted)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("scene", SCENES)
def test_killed_anywhere_the_next_sync_makes_it_whole(scene: str, wanted: dict[str, Any]) -> None:
    told = drive(wanted | {"scene": scene})
    assert told["faults"] == []
    assert told["points"] > 150
    assert told["tried"] >= told["points"] // STRIDE
    assert told["orders"] > 20
    assert told["messages"] > 10
    labels = " ".join(told["labels"])
    for kind in ("before INSERT", "after commit", "redis EVAL", "redis SADD", "publish to account"):
        assert kind in labels
    sys.stdout.write(
        f"{scene}: {told['tried']} of {told['points']} points in {told['seconds']:.0f} s\n"
    )


PLANTED = [
    pytest.param("sent before published", "backlog", "before publish", "postgresql",
                 marks=pytest.mark.postgres),
    ("only what changed", "full day", "before redis EVAL", "sqlite"),
    pytest.param("outbox after the commit", "changed day", "after commit", "postgresql",
                 marks=pytest.mark.postgres),
]  # fmt: skip
"""What was planted, and where it must show."""


@pytest.mark.parametrize(("mutant", "scene", "place", "server"), PLANTED, indirect=["server"])
def test_planted_faults_are_found(
    mutant: str, scene: str, place: str, wanted: dict[str, Any]
) -> None:
    assert mutant in MUTANTS
    found = drive(wanted | {"scene": scene, "mutant": mutant, "place": place, "stride": 1})
    assert found["tried"] > 0
    assert found["faults"], f"{found['tried']} points and nothing was found"
    assert place in found["faults"][0]
