"""The tasks' minute in Dagster, on an instance of its own, over real books."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.clocks import MovingClock
from tradesync_dagster_tests.support.laid_books import lay


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock(datetime(2026, 11, 20, 10, 20, tzinfo=UTC))  # a Friday, 15:50 in India


@pytest.fixture
def services(tmp_path: Path, clock: MovingClock) -> Iterator[Services]:
    engine = lay(f"sqlite:///{tmp_path}/books.sqlite3")
    settings = Settings(home=tmp_path, _env_file=None)
    store = SqlStore(engine, settings.cipher())
    store.put_accounts([Account(0, "acme", name, "ZERODHA") for name in ("a", "b")])
    made = Services(settings, store, clock)
    made.tasks().look()
    yield made
    engine.dispose()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def turn(instance: dg.DagsterInstance, services: Services) -> Any:
    definitions = build_definitions({"services": services})
    repository = definitions.get_repository_def()
    with dg.build_schedule_context(
        instance=instance, resources={"services": services}, repository_def=repository
    ) as context:
        return repository.get_schedule_def("tasks_every_minute").evaluate_tick(context)


def run(instance: dg.DagsterInstance, services: Services) -> dg.ExecuteInProcessResult:
    job = build_definitions({"services": services}).resolve_job_def("run_tasks")
    return job.execute_in_process(instance=instance, raise_on_error=False)


def table(event: Any) -> list[dg.TableRecord]:
    """Read the run's table of turns."""
    return list(event.materialization.metadata["turns"].records)


def test_one_run_does_all_that_is_due_and_shows_each_turn(
    instance: dg.DagsterInstance, services: Services, clock: MovingClock
) -> None:
    assert turn(instance, services).skip_message == "Nothing is due."
    clock.moment += timedelta(minutes=16)
    assert len(turn(instance, services).run_requests) == 1
    services.mandates().set_mandate("acme/b", "dips", {"plugin": "dip", "capital": 1}, "asha")
    done = run(instance, services)
    assert done.success
    [event] = done.get_asset_materialization_events()
    figures = {name: found.value for name, found in event.materialization.metadata.items()}
    assert (figures["done"], figures["failed"], figures["accounts"]) == (4, 0, 2)
    rows = [record.data for record in table(event)]
    assert sorted((row["account"], row["task"]) for row in rows) == [
        ("acme/a", "analysis"), ("acme/a", "buy_orders"),
        ("acme/b", "analysis"), ("acme/b", "buy_orders"),
    ]  # fmt: skip
    seen = [e.asset_observation_data.asset_observation for e in done.get_asset_observation_events()]
    assert sorted(one.description for one in seen)[0] == "acme/a: analysis of 2026-11-20: done"
    assert turn(instance, services).skip_message == "Nothing is due."
    assert run(instance, services).get_asset_materialization_events() == []


def test_a_failed_task_is_the_tables_first_and_the_run_goes_on(
    instance: dg.DagsterInstance, services: Services, clock: MovingClock
) -> None:
    clock.moment = datetime(2026, 11, 20, 12, 31, tzinfo=UTC)
    done = run(instance, services)
    assert done.success, "accounts without credentials fail in words"
    [event] = done.get_asset_materialization_events()
    rows = [record.data for record in table(event)]
    assert [row["state"] for row in rows] == ["failed", "failed", "done", "done", "done", "done"]
    assert rows[0]["task"] == "eod_cleanup"
    assert rows[0]["words"]


def test_a_run_under_way_and_the_switch_hold_the_next_one(
    instance: dg.DagsterInstance, services: Services, clock: MovingClock
) -> None:
    clock.moment += timedelta(minutes=16)
    job = build_definitions().resolve_job_def("run_tasks")
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert turn(instance, services).skip_message == "4 tasks wait for the run that is under way."
    off = services.settings.model_copy(update={"tasks_enabled": False})
    stopped = Services(off, services.store, clock)
    assert "TRADESYNC_TASKS_ENABLED" in turn(instance, stopped).skip_message
