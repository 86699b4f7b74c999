"""Fake orders and the scheduler over real HTTP, on both databases."""

import shlex
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.answering_dagster import Dagster, answering_dagster
from tradesync_dagster_tests.support.api import Api, problem, rows, running_api
from tradesync_dagster_tests.support.clocks import MovingClock
from tradesync_dagster_tests.support.fake_orders import HOUR, fake_orders, put
from tradesync_dagster_tests.support.laid_books import lay

ORDERS = "/api/v1/fake-orders"
SCHEDULER = "/api/v1/scheduler"
BODY: dict[str, Any] = {
    "market": "PJM", "node": "WESTERN HUB", "side": "BUY", "quantity_mwh": "25.5",
    "limit_price": "-3.25", "hour_start_utc": "2026-03-02T15:00:00.000Z",
}  # fmt: skip


@pytest.fixture
def services(database_url: str, tmp_path: Path) -> Iterator[Services]:
    engine = lay(database_url)
    settings = Settings(home=tmp_path, _env_file=None)
    store = SqlStore(engine, settings.cipher())
    store.put_accounts([Account(0, name, "main", "ZERODHA") for name in ("acme", "rival")])
    yield Services(settings, store, MovingClock(HOUR - timedelta(minutes=3)))
    engine.dispose()


@pytest.fixture
def dagster() -> Iterator[Dagster]:
    with answering_dagster() as found:
        yield found


@pytest.fixture
def url(services: Services, dagster: Dagster) -> Iterator[str]:
    with running_api(services, dagster.url) as found:
        yield found


def client(services: Services, url: str, organization: str = "acme") -> Api:
    return Api(url, services.keys().add(organization, "terminal")[1], organization)


@pytest.fixture
def api(services: Services, url: str) -> Api:
    return client(services, url)


def create(api: Api, key: str | None = None, **change: Any) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return api.send("POST", ORDERS, json=BODY | change, headers=headers)


def test_an_order_is_taken_in_moderated_and_shown(api: Api, services: Services) -> None:
    answer = create(api)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["status"], made["organization_id"]) == ("PENDING", "acme")
    assert (made["quantity_mwh"], made["limit_price"]) == ("25.50", "-3.25")
    assert made["hour_start_utc"] == BODY["hour_start_utc"]
    assert rows(api.get(ORDERS)) == [made]
    assert rows(api.get(ORDERS, status="APPROVED")) == []
    services.clock.moment = HOUR + timedelta(minutes=5)  # type: ignore[attr-defined]
    put(services.store, fake_orders(20))
    services.moderation().decide_due()
    services.moderation().mark()
    assert rows(api.get(ORDERS, status="PENDING")) == []
    assert len(rows(api.get(ORDERS))) == 21
    approved = rows(api.get(ORDERS, status="APPROVED"))
    positions = rows(api.get(f"{ORDERS}/positions"))
    assert {one["order_id"] for one in positions} == {one["order_id"] for one in approved}
    assert len(rows(api.get(f"{ORDERS}/positions", limit=2))) == 2
    one = positions[0]
    story = api.send("GET", f"{ORDERS}/{one['order_id']}").json()
    assert [mark["pnl"] for mark in story["marks"]][-1] == one["pnl"] == story["pnl"]
    assert len(story["marks"]) == 2
    assert [event["kind"] for event in story["events"]] == ["approved"]
    assert one["rt_lmp"] == story["marks"][0]["lmp"]


def test_an_idempotency_key_makes_one_order(api: Api, services: Services, url: str) -> None:
    first, again = create(api, "k-1"), create(api, "k-1")
    assert first.json() == again.json()
    assert again.status_code == 201
    other = create(api, "k-1", side="SELL")
    assert (other.status_code, "another order" in problem(other)) == (422, True)
    assert create(api, "k-2").json()["order_id"] != first.json()["order_id"]
    assert create(api).json()["order_id"] != create(api).json()["order_id"]
    theirs = create(client(services, url, "rival"), "k-1")
    assert theirs.json()["order_id"] != first.json()["order_id"]
    assert len(rows(api.get(ORDERS))) == 4
    for bad in ("", "x" * 129, "a b"):
        assert create(api, bad).status_code == 422


@pytest.mark.parametrize(
    "change",
    [
        {"market": ""}, {"node": "x" * 65}, {"node": "a\nb"}, {"side": "HOLD"},
        {"quantity_mwh": "0"}, {"quantity_mwh": 5}, {"quantity_mwh": 5.5},
        {"quantity_mwh": "1e3"}, {"quantity_mwh": "-1"}, {"quantity_mwh": "100000.1"},
        {"limit_price": "100000.01"}, {"limit_price": "1.0000001"}, {"limit_price": None},
        {"hour_start_utc": "2026-03-02T15:00:00"}, {"hour_start_utc": "soon"},
        {"hour_start_utc": "2026-01-02T15:00:00Z"}, {"hour_start_utc": "2028-01-02T15:00:00Z"},
        {"hour_start_utc": 1772463600}, {"organization_id": "a/b"}, {"hunter2": 1},
    ],
)  # fmt: skip
def test_what_is_malformed_is_422_and_makes_nothing(api: Api, change: dict[str, Any]) -> None:
    answer = create(api, **change)
    assert answer.status_code == 422, answer.text
    problem(answer)
    assert rows(api.get(ORDERS)) == []


def test_nobody_sees_or_makes_another_organizations_orders(
    api: Api, services: Services, url: str
) -> None:
    made = create(api).json()
    theirs = client(services, url, "rival")
    assert rows(theirs.get(ORDERS)) == []
    assert create(theirs, organization_id="acme").status_code == 403
    assert theirs.send("GET", ORDERS, params={"organization_id": "acme"}).status_code == 403
    for order_id in (made["order_id"], str(uuid4())):
        answer = theirs.send("GET", f"{ORDERS}/{order_id}")
        assert (answer.status_code, order_id in problem(answer)) == (404, True)
    assert theirs.send("GET", f"{ORDERS}/nonsense").status_code == 422
    nobody = Api(url, None, "acme")
    for method, path in (
        ("GET", ORDERS), ("POST", ORDERS), ("GET", f"{ORDERS}/positions"),
        ("GET", f"{ORDERS}/{made['order_id']}"), ("GET", f"{SCHEDULER}/status"),
        ("POST", f"{SCHEDULER}/start"), ("POST", f"{SCHEDULER}/stop"),
        ("POST", f"{SCHEDULER}/force-run"),
    ):  # fmt: skip
        assert nobody.send(method, path, json=BODY).status_code == 401, path


def test_the_status_has_the_fields_that_front_ends_know(
    api: Api, services: Services, dagster: Dagster
) -> None:
    put(services.store, fake_orders(2, HOUR) + fake_orders(1, HOUR - timedelta(hours=1)))
    put(services.store, fake_orders(5, HOUR - timedelta(hours=2), organization_id="rival"))
    answer = api.send("GET", f"{SCHEDULER}/status")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "status": "success",
        "scheduler": {
            "running": True,
            "thread_alive": True,
            "pending_due_now": 1,
            "upcoming_10_min": 2,
            "next_due_order": "2026-03-02T14:00:00.000Z",
            "last_check": "2026-03-02T15:00:00.250Z",
        },
    }
    dagster.looked_at = []
    assert api.send("GET", f"{SCHEDULER}/status").json()["scheduler"]["last_check"] is None


def test_the_scheduler_is_switched_in_dagster_and_again_is_harmless(
    api: Api, dagster: Dagster
) -> None:
    def switched() -> list[str]:
        return [name for name, _ in dagster.asked if name in {"startSensor", "stopSensor"}]

    for _ in range(2):
        stopped = api.send("POST", f"{SCHEDULER}/stop")
        assert (stopped.status_code, stopped.json()["scheduler"]["running"]) == (200, False)
    assert switched() == ["stopSensor"]
    for _ in range(2):
        assert api.send("POST", f"{SCHEDULER}/start").json()["scheduler"]["running"] is True
    assert switched() == ["stopSensor", "startSensor"]
    asked = dict(dagster.asked)
    assert asked["stopSensor"] == {"sensor": "state-1"}
    assert asked["startSensor"]["sensor"] == {
        "sensorName": "due_moderation", "repositoryName": "__repository__",
        "repositoryLocationName": "ours",
    }  # fmt: skip


@pytest.mark.parametrize(("looks", "status"), [(2, 200), (99, 503)])
def test_a_look_that_ends_while_the_scheduler_is_stopped_does_not_undo_that(
    api: Api, dagster: Dagster, looks: int, status: int
) -> None:
    dagster.looks_that_overwrite = looks
    stopped = api.send("POST", f"{SCHEDULER}/stop")
    assert (stopped.status_code, dagster.running) == (status, status == 503)


def test_front_ends_commands_work_with_a_key_added(services: Services, url: str, curl: str) -> None:
    """Each line as the old system's manual has it, but for the address and the key."""
    token = services.keys().add("acme", "terminal")[1]
    lines = (
        'curl -X GET "http://localhost:8000/api/v1/scheduler/status"',
        'curl -X POST "http://localhost:8000/api/v1/scheduler/start"',
        'curl -X POST "http://localhost:8000/api/v1/scheduler/stop"',
        'curl -X POST "http://localhost:8000/api/v1/scheduler/force-run"',
        "curl http://localhost:8000/api/v1/scheduler/status",
    )
    for line in lines:
        words = shlex.split(line.replace("http://localhost:8000", url))
        added = ["--silent", "--noproxy", "*", "-H", f"Authorization: Bearer {token}"]
        done = subprocess.run(
            [curl, *words[1:], *added], capture_output=True, check=True, timeout=120
        )
        assert orjson.loads(done.stdout)["status"] == "success", (line, done.stdout)


def test_a_forced_run_is_for_the_keys_own_organization(
    api: Api, services: Services, dagster: Dagster
) -> None:
    put(services.store, fake_orders(2, HOUR - timedelta(hours=1)))
    answer = api.send("POST", f"{SCHEDULER}/force-run")
    assert (answer.status_code, answer.json()) == (
        202,
        {
            "status": "success", "run_id": "run-1", "url": f"{dagster.url}/runs/run-1",
            "pending_due_now": 2, "warning": None,
        },
    )  # fmt: skip
    [launched] = dagster.launches
    assert launched["selector"]["jobName"] == "moderate_fake_orders"
    assert launched["runConfigData"] == {
        "ops": {"fake_orders": {"config": {"organization_id": "acme"}}}
    }
    dagster.starts_runs = False
    queued = api.send("POST", f"{SCHEDULER}/force-run").json()
    assert (queued["run_id"], "daemon" in queued["warning"]) == ("run-1", True)


def test_without_dagster_the_scheduler_is_503_and_orders_are_taken_in(services: Services) -> None:
    with running_api(services) as url:
        api = client(services, url)
        assert create(api).status_code == 201
        for method, what in (("GET", "status"), ("POST", "start"), ("POST", "force-run")):
            answer = api.send(method, f"{SCHEDULER}/{what}")
            assert (answer.status_code, "no Dagster" in problem(answer)) == (503, True)
    assert UUID(services.moderation().listed()[0]["order_id"])
