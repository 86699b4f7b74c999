"""The moderation sensor, jobs and schedule on an instance of their own, over real books."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import dagster as dg
import pytest

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.defs import moderation_watch
from tradesync_dagster.defs.moderation_watch import (
    ALIVE,
    DUE,
    STARTING,
    UNTIL,
    is_off,
)
from tradesync_dagster.domain.moderation import LOOK_AHEAD, SERVED
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.clocks import MovingClock
from tradesync_dagster_tests.support.dagster_looks import look, record, switch_off
from tradesync_dagster_tests.support.fake_orders import (
    HOUR,
    ORDER,
    check_decided_once,
    fake_orders,
    put,
)
from tradesync_dagster_tests.support.laid_books import lay

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
LONG_AGO = HOUR - timedelta(hours=1)
THEIRS = UUID(int=2)


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock(HOUR - timedelta(seconds=50))


@pytest.fixture
def services(tmp_path: Path, clock: MovingClock) -> Iterator[Services]:
    engine = lay(f"sqlite:///{tmp_path}/books.sqlite3")
    settings = Settings(home=tmp_path, _env_file=None)
    yield Services(settings, SqlStore(engine, settings.cipher()), clock)
    engine.dispose()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def run(instance: dg.DagsterInstance, services: Services, request: dg.RunRequest) -> Any:
    job = build_definitions({"services": services}).resolve_job_def("moderate_fake_orders")
    return job.execute_in_process(
        run_config=request.run_config, tags=dict(request.tags), instance=instance
    )


def test_nothing_due_soon_and_none_created_lately_is_no_run(
    instance: dg.DagsterInstance, services: Services, clock: MovingClock
) -> None:
    assert look(instance, services) == []
    beyond = clock.moment + LOOK_AHEAD + timedelta(microseconds=1)
    put(services.store, fake_orders(3, beyond, created_at=LONG_AGO))
    assert look(instance, services) == []
    clock.moment += timedelta(microseconds=1)
    assert [one.tags[DUE] for one in look(instance, services)] == [beyond.isoformat()]


def test_while_orders_keep_coming_one_run_is_alive(
    instance: dg.DagsterInstance, services: Services, clock: MovingClock
) -> None:
    created = clock.moment - SERVED + SECOND
    put(services.store, fake_orders(1, HOUR + timedelta(days=1), created_at=created))
    [request] = look(instance, services)
    ends = clock.moment + SERVED
    assert (request.tags[DUE], request.tags[UNTIL]) == (created.isoformat(), ends.isoformat())
    run_id = record(instance, request, dg.DagsterRunStatus.STARTED)
    instance.add_run_tags(run_id, {ALIVE: ends.isoformat()})
    assert look(instance, services) == []
    clock.moment = ends - LOOK_AHEAD
    assert look(instance, services) == [], "none has come since"
    put(services.store, fake_orders(1, HOUR + timedelta(days=2), created_at=clock.moment - MINUTE))
    [successor] = look(instance, services)
    assert successor.tags[DUE] == ends.isoformat(), "it is there before the end of the first"


def test_one_run_a_due_time_which_moderates_it_and_shows_its_figures(
    instance: dg.DagsterInstance, services: Services
) -> None:
    orders = fake_orders(30, created_at=LONG_AGO)
    put(services.store, orders)
    [request] = look(instance, services)
    assert request.run_key == f"{HOUR.isoformat()}:0"
    assert request.tags[DUE] == HOUR.isoformat()
    assert request.tags[UNTIL] == (HOUR + SERVED).isoformat()
    assert look(instance, services)[0].run_key == request.run_key, "two looks, one key: one run"
    done = run(instance, services, request)
    decided = check_decided_once(services.store, orders)
    [event] = done.get_asset_materialization_events()
    figures = {name: value.value for name, value in event.materialization.metadata.items()}
    statuses = [one.status for one in decided]
    assert figures["approved"] == statuses.count("APPROVED")
    assert figures["rejected"] == statuses.count("REJECTED")
    assert (figures["quarantined"], figures["late_worst_seconds"]) == (0, 0.0)
    assert look(instance, services) == []


def test_a_run_that_is_alive_serves_until_its_end_and_what_is_past(
    instance: dg.DagsterInstance, services: Services, clock: MovingClock
) -> None:
    put(services.store, fake_orders(3, created_at=LONG_AGO))
    [request] = look(instance, services)
    run_id = record(instance, request, dg.DagsterRunStatus.STARTED)
    assert look(instance, services) == []
    past = HOUR - timedelta(hours=5)
    put(services.store, fake_orders(3, past, created_at=LONG_AGO))
    ends = HOUR + SERVED
    put(services.store, fake_orders(3, ends, created_at=LONG_AGO))
    instance.add_run_tags(run_id, {ALIVE: ends.isoformat()})
    clock.moment = ends - SECOND
    assert look(instance, services) == []
    beyond = ends + LOOK_AHEAD - SECOND
    put(services.store, fake_orders(200, ends, "crowd", created_at=LONG_AGO))
    put(services.store, fake_orders(3, beyond, created_at=LONG_AGO))
    assert [one.tags[DUE] for one in look(instance, services)] == [beyond.isoformat()]
    clock.moment = ends
    assert [one.tags[DUE] for one in look(instance, services)] == [past.isoformat()], "it is over"


def test_a_run_without_a_sign_of_life_is_followed_by_another(
    instance: dg.DagsterInstance, services: Services, clock: MovingClock
) -> None:
    put(services.store, fake_orders(3, created_at=LONG_AGO))
    [request] = look(instance, services)
    assert request.tags[ALIVE] == (clock.moment + STARTING).isoformat()
    record(instance, request, dg.DagsterRunStatus.STARTED)
    clock.moment += STARTING - SECOND
    assert look(instance, services) == []
    clock.moment += SECOND
    [successor] = look(instance, services)
    assert successor.run_key == f"{HOUR.isoformat()}:1"


def test_what_is_in_the_queue_starts_some_time(
    instance: dg.DagsterInstance, services: Services, clock: MovingClock
) -> None:
    put(services.store, fake_orders(3, created_at=LONG_AGO))
    [request] = look(instance, services)
    record(instance, request, dg.DagsterRunStatus.QUEUED)
    clock.moment += STARTING + SECOND
    assert look(instance, services) == [], "it has shown no sign of life, and needs none yet"


def test_a_run_says_that_it_is_alive_and_ends_when_the_sensor_is_switched_off(
    instance: dg.DagsterInstance,
    services: Services,
    clock: MovingClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(moderation_watch, "_BEAT_SECONDS", 0.01)
    definitions = build_definitions({"services": services})
    sensor = definitions.get_repository_def().get_sensor_def("due_moderation")
    put(services.store, fake_orders(3, created_at=LONG_AGO))
    [request] = look(instance, services)
    assert not is_off(instance, "due_moderation"), "nobody has touched it"
    off: list[datetime] = []

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0.002)
        clock.moment += timedelta(seconds=min(seconds, 0.01))
        told = instance.get_runs(limit=1)[0].tags[ALIVE]
        if told != request.tags[ALIVE] and not off:
            switch_off(instance, sensor.name)
            off.append(datetime.fromisoformat(told))

    monkeypatch.setattr(clock, "sleep", sleep)
    assert run(instance, services, request).success
    assert is_off(instance, "due_moderation")
    assert off[0] <= clock.moment + 20 * SECOND
    assert clock.moment < HOUR + SERVED, "long before its end"


def test_a_killed_run_has_a_successor_with_another_key(
    instance: dg.DagsterInstance, services: Services, clock: MovingClock
) -> None:
    put(services.store, fake_orders(3, created_at=LONG_AGO))
    keys = []
    for _ in range(3):
        [request] = look(instance, services)
        keys.append(request.run_key)
        record(instance, request, dg.DagsterRunStatus.FAILURE)
    assert keys == [f"{HOUR.isoformat()}:{number}" for number in range(3)]
    [record_] = instance.get_run_records(limit=1)
    ended = datetime.fromtimestamp(cast("float", record_.end_time), HOUR.tzinfo)
    clock.moment = ended + timedelta(seconds=59)
    assert look(instance, services) == [], "not for ever at full speed"
    clock.moment = ended + timedelta(seconds=61)
    [request] = look(instance, services)
    assert request.run_key == f"{HOUR.isoformat()}:3"


def test_orders_created_after_a_run_has_ended_have_a_run_of_their_own(
    instance: dg.DagsterInstance, services: Services, clock: MovingClock
) -> None:
    put(services.store, fake_orders(3))
    run(instance, services, look(instance, services)[0])
    late = fake_orders(3, HOUR, "late")
    put(services.store, late)
    [request] = look(instance, services)
    assert request.run_key == f"{HOUR.isoformat()}:1"
    assert request.tags[UNTIL] == (clock.moment + SERVED).isoformat()
    run(instance, services, request)
    check_decided_once(services.store, late)


def test_without_until_a_run_takes_what_is_due_of_one_organization(
    instance: dg.DagsterInstance, services: Services, clock: MovingClock
) -> None:
    clock.moment = HOUR
    put(services.store, [ORDER, replace(ORDER, order_id=THEIRS, organization_id="rival")])
    job = build_definitions({"services": services}).resolve_job_def("moderate_fake_orders")
    config = {"ops": {"fake_orders": {"config": {"organization_id": "acme"}}}}
    done = job.execute_in_process(run_config=config, instance=instance)
    assert len(done.get_asset_materialization_events()) == 1
    assert services.moderation().waiting("rival")["pending_due_now"] == 1
    assert services.moderation().waiting("acme")["pending_due_now"] == 0
    again = job.execute_in_process(run_config=config, instance=instance)
    assert again.get_asset_materialization_events() == [], "nothing moderated, nothing recorded"


def test_positions_are_marked_by_a_schedule_only_while_there_are_some(
    instance: dg.DagsterInstance, services: Services, clock: MovingClock
) -> None:
    definitions = build_definitions({"services": services})
    schedule = definitions.get_repository_def().get_schedule_def(
        "mark_fake_positions_in_their_hour"
    )

    def turn() -> Any:
        with dg.build_schedule_context(
            instance=instance, resources={"services": services},
            repository_def=definitions.get_repository_def(),
        ) as context:  # fmt: skip
            return schedule.evaluate_tick(context)

    put(services.store, fake_orders(20))
    clock.moment = HOUR
    services.moderation().decide_due()
    assert turn().skip_message == "No approved fake order is to be marked."
    clock.moment = HOUR + timedelta(minutes=10)
    assert len(turn().run_requests) == 1
    done = definitions.resolve_job_def("mark_fake_positions").execute_in_process(instance=instance)
    [event] = done.get_asset_materialization_events()
    figures = {name: value.value for name, value in event.materialization.metadata.items()}
    positions, pnl = services.moderation().totals()
    assert (figures["positions"], figures["marks"]) == (positions, 2 * positions)
    assert figures["pnl_plot"] == pnl / 1_000_000
    assert turn().run_requests == []
