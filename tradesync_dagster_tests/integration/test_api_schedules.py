"""Schedules, turns and heartbeats over real HTTP, on both databases."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tradesync_dagster.bootstrap import Services, SystemClock
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.people import Person, Role
from tradesync_dagster.domain.tasks import Task
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.api import Api, problem, rows, running_api
from tradesync_dagster_tests.support.laid_books import lay


@pytest.fixture
def services(database_url: str, tmp_path: Path) -> Iterator[Services]:
    engine = lay(database_url)
    settings = Settings(home=tmp_path, _env_file=None)
    store = SqlStore(engine, settings.cipher())
    store.put_accounts([Account(0, name, "main", "ZERODHA") for name in ("acme", "rival")])
    yield Services(settings, store, SystemClock())
    engine.dispose()


@pytest.fixture
def api(services: Services) -> Iterator[Api]:
    with running_api(services) as url:
        yield Api(url, services.keys().add("acme", "terminal")[1], "acme")


def put(api: Api, task: str, **body: Any) -> httpx.Response:
    return api.send("POST", "/schedules", json={"organization_id": "acme", "task": task} | body)


def test_schedules_are_read_and_changed_within_an_organization(
    api: Api, services: Services
) -> None:
    assert len(rows(api.get("/schedules", pseudo_account="main"))) == 7
    changed = put(api, "analysis", start="16:30", grace_minutes=60)
    assert changed.status_code == 200, changed.text
    assert changed.json()["scope"] == "acme"
    assert put(api, "analysis", pseudo_account="main", enabled=False).json()["start"] == "16:30"
    held = {row["task"]: row for row in rows(api.get("/schedules", pseudo_account="main"))}
    assert (held["analysis"]["enabled"], held["analysis"]["who"]) == (False, "terminal")
    theirs = {row["task"]: row for row in services.tasks().schedules("rival/main")}
    assert theirs["analysis"]["start"] == "16:00"
    services.tasks().set_schedule("rival", Task.ANALYSIS, {"enabled": False}, "eve")
    assert "rival" not in {row["scope"] for row in rows(api.get("/schedules"))}


def test_a_narrower_schedule_is_deleted_and_the_wider_one_holds_again(
    api: Api, services: Services
) -> None:
    put(api, "analysis", start="16:30")
    put(api, "analysis", pseudo_account="main", start="17:00")
    services.tasks().set_schedule("rival/main", Task.ANALYSIS, {"enabled": False}, "eve")
    query = {"organization_id": "acme", "task": "analysis"}

    def delete(**more: str) -> httpx.Response:
        return api.send("DELETE", "/schedules", params=query | more)

    for _ in range(2):
        held = delete(pseudo_account="main").json()
        assert (held["scope"], held["start"]) == ("acme", "16:30"), "again changes nothing"
    held = delete().json()
    assert (held["scope"], held["start"]) == ("", "16:00")
    refused = ({"task": "lunch"}, 422), ({"organization_id": "rival"}, 403)
    for more, status in (*refused, ({"pseudo_account": "none"}, 404)):
        assert delete(**more).status_code == status
    assert {row["scope"] for row in services.tasks().schedules()} == {"", "rival/main"}
    log = services.audit_log().listed(Person("asha", "acme", Role.ADMIN, services.clock.now()))
    assert [(row["who"], row["action"], row["subject"], row["outcome"]) for row in log] == [
        ("terminal", "reset schedule", subject, "done")
        for subject in ("analysis acme", "analysis acme/main", "analysis acme/main")
    ]


@pytest.mark.parametrize(
    ("task", "body", "status"),
    [
        ("analysis", {"start": "9:00"}, 422),
        ("sell_monitor", {"end": "08:00"}, 409),
        ("analysis", {"organization_id": "rival"}, 403),
        ("analysis", {"lunch": True}, 422),
        ("lunch", {}, 422),
    ],
)
def test_what_is_wrong_is_refused(
    api: Api, task: str, body: dict[str, object], status: int
) -> None:
    answer = put(api, task, **body)
    assert answer.status_code == status
    assert problem(answer)


def test_turns_and_heartbeats_are_of_the_keys_organization(api: Api, services: Services) -> None:
    services.tasks().look()
    beats = rows(api.get("/heartbeats"))
    assert [(row["account"], row["service"], row["stale"]) for row in beats] == [
        ("acme/main", "tasks", False)
    ]
    assert rows(api.get("/task-turns", days=7)) == []
