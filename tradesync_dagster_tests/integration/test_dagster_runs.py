"""Dagster's runs over the real services, the embedded database and the simulated exchange."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.brokers.exchange.server import ExchangeConfig, running_exchange
from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.defs import recording
from tradesync_dagster.defs.jobs import config_for
from tradesync_dagster.defs.partitions import ACCOUNTS
from tradesync_dagster.defs.sensors import account_discovery, failed_accounts
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.results import ASSETS
from tradesync_dagster.settings import load_settings
from tradesync_dagster.store.engine import migrate, open_engine
from tradesync_dagster_tests.support.commands_clock import set_clock
from tradesync_dagster_tests.support.desk import OPENING

KEYS = ["DESK/ACC0", "DESK/ACC1", "DESK/ACC2"]


def sim(url: str, path: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url + path, data), timeout=60) as answer:
        return json.loads(answer.read())


@pytest.fixture
def exchange() -> Iterator[str]:
    config = ExchangeConfig(port=0, accounts=len(KEYS), people_rate=0, start_at=OPENING)
    with running_exchange(config) as url:
        yield url


@pytest.fixture
def users(exchange: str) -> list[dict[str, str]]:
    return cast("list[dict[str, str]]", sim(exchange, "/sim/accounts"))


@pytest.fixture
def desk(
    exchange: str, users: list[dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """An instance whose runs open the real services on a fresh database."""
    monkeypatch.chdir(tmp_path)
    set_clock(monkeypatch, OPENING)
    monkeypatch.setenv("TRADESYNC_HOME", str(tmp_path / "home"))
    for name in ("TRADESYNC_CONFIRM_SECONDS", "TRADESYNC_MINIMUM_AGE_SECONDS",
                 "BROKER_API_RETRY_ATTEMPTS", "BROKER_API_RATE_LIMIT_DELAY"):  # fmt: skip
        monkeypatch.setenv(name, "0")
    engine = open_engine(load_settings().books_url)
    migrate(engine)
    engine.dispose()
    services = open_services()
    services.store.put_accounts(
        [
            Account(0, *key.split("/"), "ZERODHA", base_url=exchange, credentials=user)  # type: ignore[misc]
            for key, user in zip(KEYS, users, strict=True)
        ]
    )
    with dg.instance_for_test() as instance:
        context = dg.build_sensor_context(instance=instance, resources={"services": services})
        found = cast("dg.SensorResult", account_discovery(context))
        for request in found.dynamic_partitions_requests or []:
            instance.add_dynamic_partitions(ACCOUNTS, request.partition_keys)
        yield instance
    services.close()


def run(instance: dg.DagsterInstance, key: str | None = None) -> dg.ExecuteInProcessResult:
    job = build_definitions().resolve_job_def("sync_job")
    if key is None:
        return job.execute_in_process(run_config=config_for(KEYS), instance=instance)
    return job.execute_in_process(partition_key=key, instance=instance, raise_on_error=False)


def recorded(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str | None], Any]:
    made = [event.materialization for event in result.get_asset_materialization_events()]
    return {(m.asset_key.to_user_string(), m.partition): m.metadata for m in made}


def buy(url: str, user: dict[str, str]) -> None:
    order = {"exchange": "NSE", "tradingsymbol": "ITC", "transaction_type": "BUY", "quantity": 10}
    sim(url, "/sim/orders", {"user_id": user["user_id"], **order})


def test_an_order_by_hand_shows_in_the_next_ticks(
    desk: dg.DagsterInstance, exchange: str, users: list[dict[str, str]]
) -> None:
    assert list(desk.get_dynamic_partitions(ACCOUNTS)) == KEYS
    run(desk)
    assert recorded(run(desk)) == {}
    buy(exchange, users[1])
    seen = recorded(run(desk)) | recorded(run(desk))
    assert {partition for _, partition in seen} == {KEYS[1]}
    (row,) = seen["external_orders", KEYS[1]]["orders_of_the_day"].records
    assert "ITC" in row.data.values()
    assert seen["external_orders", KEYS[1]]["external_orders"].value == 1
    assert seen["positions", KEYS[1]]["positions"].value == 1
    assert recorded(run(desk)) == {}


def test_a_dead_session_fails_its_own_partition_and_clears(
    desk: dg.DagsterInstance, exchange: str, users: list[dict[str, str]]
) -> None:
    fault = {"kind": "error", "status": 503, "times": 1000, "user_id": users[2]["user_id"]}
    sim(exchange, "/sim/faults", fault)
    assert run(desk).success
    asked = cast("dg.SensorResult", failed_accounts(dg.build_sensor_context(instance=desk)))
    (request,) = asked.run_requests or []
    assert request.partition_key == KEYS[2]
    assert not run(desk, request.partition_key).success
    assert run(desk, KEYS[0]).success
    assert set(recording.shown_failed(desk, KEYS)) == {KEYS[2]}
    text = str(desk.all_logs(run(desk, KEYS[2]).run_id))
    assert users[2]["access_token"] not in text
    delete = urllib.request.Request(exchange + "/sim/faults", method="DELETE")
    urllib.request.urlopen(delete, timeout=60).close()
    assert {name for name, key in recorded(run(desk)) if key == KEYS[2]} == set(ASSETS)
    assert recording.shown_failed(desk, KEYS) == {}
