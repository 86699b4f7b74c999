"""What the schedule and the sensors ask for, and when they skip."""

import hashlib
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, cast

import dagster as dg
import pytest
from sqlalchemy import make_url

from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.defs import recording
from tradesync_dagster.defs.jobs import config_for
from tradesync_dagster.defs.partitions import ACCOUNTS, accounts
from tradesync_dagster.defs.schedules import (
    audit_after_close,
    history_after_close,
    sync_every_five_minutes,
)
from tradesync_dagster.defs.sensors import (
    MOST_ASKED,
    account_discovery,
    failed_accounts,
)
from tradesync_dagster.settings import Settings

AFTER_CLOSE = datetime(2026, 3, 6, 11, 15, tzinfo=UTC)
KEYS = ["DESK/A", "DESK/B", "DESK/C"]
Call = Callable[..., dg.ExecuteInProcessResult]


def status(instance: dg.DagsterInstance, name: str) -> dict[str, str | None]:
    shown = instance.get_status_by_partition(dg.AssetKey(name), KEYS, accounts) or {}
    return {key: value and value.value for key, value in shown.items()}


def evaluate_schedule(
    instance: dg.DagsterInstance, services: Any
) -> list[dg.RunRequest] | dg.SkipReason:
    with dg.build_schedule_context(
        instance=instance, resources={"services": services}, scheduled_execution_time=AFTER_CLOSE
    ) as context:
        # as the daemon does, with its checks
        found = sync_every_five_minutes.evaluate_tick(context)
    return found.run_requests or dg.SkipReason(found.skip_message)


def test_schedule_asks_for_all_enabled_accounts(
    instance: dg.DagsterInstance, services: Any
) -> None:
    asked = evaluate_schedule(instance, services)
    assert isinstance(asked, list)
    (request,) = asked
    assert request.run_config == config_for(KEYS, "0").to_config_dict()
    assert request.partition_key is None
    assert request.tags[recording.SHARD] == "0"
    assert int(request.tags[dg.MAX_RUNTIME_SECONDS_TAG]) == 900


def test_accounts_are_shared_out_by_their_ids(instance: dg.DagsterInstance, services: Any) -> None:
    services.settings = Settings(shard_size=2)
    asked = evaluate_schedule(instance, services)
    assert isinstance(asked, list)
    configs = [request.run_config["ops"]["sync_accounts"]["config"] for request in asked]
    assert [(c["shard"], c["accounts"]) for c in configs] == [("0", KEYS[:2]), ("1", KEYS[2:])]
    assert len({request.run_key for request in asked}) == 2
    job = build_definitions({"services": services}).resolve_job_def("sync_job")
    instance.create_run_for_job(job, tags=asked[0].tags, status=dg.DagsterRunStatus.STARTED)
    again = evaluate_schedule(instance, services)
    assert isinstance(again, list)
    assert [request.tags[recording.SHARD] for request in again] == ["1"]


def test_schedule_waits_for_the_tick_before(instance: dg.DagsterInstance, services: Any) -> None:
    job = build_definitions({"services": services}).resolve_job_def("sync_job")
    run = instance.create_run_for_job(
        job,
        tags={recording.KIND: recording.TICK, recording.SHARD: "0"},
        status=dg.DagsterRunStatus.STARTED,
    )
    skipped = evaluate_schedule(instance, services)
    assert isinstance(skipped, dg.SkipReason)
    assert run.run_id in str(skipped.skip_message)


def test_schedule_does_not_wait_for_a_single_account(
    instance: dg.DagsterInstance, services: Any
) -> None:
    job = build_definitions({"services": services}).resolve_job_def("sync_job")
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert isinstance(evaluate_schedule(instance, services), list)


def test_schedule_skips_without_accounts(instance: dg.DagsterInstance, services: Any) -> None:
    services.store.keys = []
    assert isinstance(evaluate_schedule(instance, services), dg.SkipReason)


HOLI = datetime(2026, 3, 3, 11, 15, tzinfo=UTC)


def after_close(schedule: Any, instance: dg.DagsterInstance, services: Any, at: datetime) -> Any:
    with dg.build_schedule_context(
        instance=instance, resources={"services": services}, scheduled_execution_time=at
    ) as context:
        return schedule(context)


def test_the_day_is_recorded_once_after_its_close(
    instance: dg.DagsterInstance, services: Any
) -> None:
    asked = after_close(history_after_close, instance, services, AFTER_CLOSE)
    assert asked.run_config["ops"]["rebuild_days"]["config"] == {
        "accounts": [], "since": "2026-03-06", "until": "2026-03-06", "rebuild": False,
    }  # fmt: skip
    job = build_definitions({"services": services}).resolve_job_def("rebuild_history")
    result = job.execute_in_process(instance=instance, run_config=asked.run_config)
    made = [event.materialization for event in result.get_asset_materialization_events()]
    assert {m.partition for m in made} == {f"{key}|2026-03-06" for key in KEYS}


def test_the_audit_after_the_close_takes_all_accounts(
    instance: dg.DagsterInstance, services: Any
) -> None:
    asked = after_close(audit_after_close, instance, services, AFTER_CLOSE)
    job = build_definitions({"services": services}).resolve_job_def("audit_books")
    assert job.execute_in_process(instance=instance, run_config=asked.run_config).success
    assert services.replayed == [KEYS]


@pytest.mark.parametrize("schedule", [audit_after_close, history_after_close])
def test_nothing_is_asked_for_on_holidays_or_without_accounts(
    instance: dg.DagsterInstance, services: Any, schedule: Any
) -> None:
    skipped = after_close(schedule, instance, services, HOLI)
    assert skipped.skip_message == "2026-03-03 is no trading day."
    services.store.keys = []
    skipped = after_close(schedule, instance, services, AFTER_CLOSE)
    assert skipped.skip_message == "No account is enabled."


def discover(instance: dg.DagsterInstance, services: Any) -> dg.SensorResult | dg.SkipReason:
    with dg.build_sensor_context(instance=instance, resources={"services": services}) as context:
        return cast("dg.SensorResult | dg.SkipReason", account_discovery(context))


def test_discovery_adds_and_removes(instance: dg.DagsterInstance, services: Any) -> None:
    assert isinstance(discover(instance, services), dg.SkipReason)
    services.store.keys = ["DESK/A", "DESK/C", "DESK/D"]
    found = discover(instance, services)
    assert isinstance(found, dg.SensorResult)
    assert found.skip_reason is not None
    assert found.skip_reason.skip_message == "1 accounts added, 1 removed."
    assert [list(r.partition_keys) for r in found.dynamic_partitions_requests or []] == [
        ["DESK/D"],
        ["DESK/B"],
    ]


def test_discovery_is_not_silent_without_its_database(
    instance: dg.DagsterInstance, services: Any
) -> None:
    services.store.error = "the books cannot be reached"
    with pytest.raises(ConnectionError, match="cannot be reached"):
        discover(instance, services)


def look(instance: dg.DagsterInstance, cursor: str | None = None) -> Any:
    return failed_accounts(dg.build_sensor_context(instance=instance, cursor=cursor))


def test_failed_accounts_are_asked_for_once(
    instance: dg.DagsterInstance, services: Any, tick: Call, one: Call
) -> None:
    assert isinstance(look(instance), dg.SkipReason)
    services.bad = {"DESK/B"}
    tick(services)
    found = look(instance)
    (request,) = found.run_requests
    assert (request.partition_key, request.run_key) == ("DESK/B", "DESK/B:tick-1")
    assert json.loads(found.cursor) == {"": "tick-1"}
    assert isinstance(look(instance, found.cursor), dg.SkipReason)
    assert not one(services, "DESK/B").success
    assert status(instance, "orders")["DESK/B"] == "FAILED"
    tick(services)
    again = look(instance, found.cursor)
    assert (again.run_requests, json.loads(again.cursor)) == ([], {"": "tick-3"})
    assert "already shown" in again.skip_reason.skip_message


def test_failed_accounts_of_every_shard_are_asked_for(
    instance: dg.DagsterInstance, services: Any, tick: Call
) -> None:
    services.bad = {"DESK/A", "DESK/C"}
    tick(services, KEYS[:2], "0")
    tick(services, KEYS[2:], "1")
    found = look(instance)
    assert {request.run_key for request in found.run_requests} == {"DESK/A:tick-1", "DESK/C:tick-2"}
    assert isinstance(look(instance, found.cursor), dg.SkipReason)
    assert not look(instance, "tick-1").skip_reason, "a cursor of an older version starts anew"


def test_a_tick_may_leave_and_fail_a_thousand_accounts(
    empty_database_url: str, services: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MOST_RECORDED", 1)
    names = [hashlib.sha256(bytes([n % 256, n // 256])).hexdigest() for n in range(1000)]
    keys = services.store.keys = [f"DESK/{name}" for name in names]
    services.changed, services.bad, services.open_ends = set(keys), set(keys[400:]), set(keys[:9])
    with instance_on(empty_database_url) as instance:
        job = build_definitions({"services": services}).resolve_job_def("sync_job")
        for _ in range(2):
            assert job.execute_in_process(run_config=config_for([], ""), instance=instance).success
        instance.add_dynamic_partitions(ACCOUNTS, keys)
        last = recording.latest_ticks(instance)[""]
        assert (last.tick_id, last.failed) == ("tick-2", keys[400:])
        assert set(last.left) | {keys[1]} == set(keys)
        assert set(last.open) == {*keys[:9], *keys[400:]}
        assert len(look(instance).run_requests) == MOST_ASKED


def instance_on(url: str) -> AbstractContextManager[dg.DagsterInstance]:
    at = make_url(url)
    if at.get_backend_name() == "sqlite":
        return dg.instance_for_test()
    server = {
        "scheme": "postgresql+psycopg2", "hostname": at.host, "port": at.port,
        "username": at.username, "password": at.password or "none", "db_name": at.database,
    }  # fmt: skip
    return dg.instance_for_test(overrides={"storage": {"postgres": {"postgres_db": server}}})


def test_failed_accounts_asks_for_few_and_known_ones(
    instance: dg.DagsterInstance, services: Any, tick: Call
) -> None:
    services.store.keys = [f"DESK/{number:03}" for number in range(40)]
    services.bad = set(services.store.keys)
    instance.add_dynamic_partitions(ACCOUNTS, services.store.keys[1:])
    tick(services, [])
    asked = [request.partition_key for request in look(instance).run_requests]
    assert asked == services.store.keys[1 : MOST_ASKED + 1]
