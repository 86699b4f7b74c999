"""Failed runs are told to people: by the sensor, on an instance of its own, with real books."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pydantic import SecretStr

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.clocks import MovingClock
from tradesync_dagster_tests.support.laid_books import lay
from tradesync_dagster_tests.support.people import Listener, listening
from tradesync_dagster_tests.support.store_frames import stored

AT = datetime(2026, 11, 19, 4, 40, tzinfo=UTC)
Call = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as started:
        yield started


@pytest.fixture
def books(tmp_path: Path, listener: Listener) -> Iterator[Services]:
    engine = lay(f"sqlite:///{tmp_path}/books.sqlite3")
    urls = SecretStr(f"{listener.url()}, json://127.0.0.1:9")
    settings = Settings(home=tmp_path, notify_urls=urls, _env_file=None)
    yield Services(settings, SqlStore(engine, settings.cipher()), MovingClock(AT))
    engine.dispose()


def look(instance: dg.DagsterInstance, services: Services, cursor: str | None) -> str | None:
    """Evaluate the sensor as the daemon does, and return its cursor."""
    repository = build_definitions({"services": services}).get_repository_def()
    with dg.build_sensor_context(
        instance=instance, cursor=cursor, repository_def=repository,
        resources={"services": services},
    ) as context:  # fmt: skip
        data = repository.get_sensor_def("run_failures").evaluate_tick(context)
    assert not [one.error for one in data.dagster_run_reactions if one.error]
    return data.cursor


def messages(services: Services) -> list[tuple[str, Any, bool]]:
    return [
        (row["exchange"], json.loads(row["body"]), row["sent_at"] is not None)
        for row in stored(services.store, "outbox")
    ]


def test_people_are_told_at_once_and_the_outbox_keeps_it(
    instance: dg.DagsterInstance, services: Any, books: Services, listener: Listener, one: Call,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    cursor = look(instance, books, None)
    services.bad = {"DESK/B"}
    result = one(services, "DESK/B")
    cursor = look(instance, books, cursor)
    [text] = listener.told()
    assert text == (
        "a run of sync_job for DESK/B failed: DESK/B: ZERODHA orders: no answer "
        f"(run {result.run_id})"
    )
    to_server, to_one, to_other = messages(books)
    assert (to_server[0], to_server[2]) == ("sync_notifications", False), "with the next sync"
    assert (to_server[1]["type"], to_server[1]["partition"]) == ("run_failed", "DESK/B")
    assert (to_one[0], to_one[2]) == ("people/0", True)
    assert (to_other[0], to_other[2]) == ("people/1", False), "nobody listens there: it waits"
    written = capsys.readouterr().err
    assert f"run {result.run_id} of sync_job failed for DESK/B: DESK/B: ZERODHA" in written
    assert "address 2 (json) was not reached" in written
    look(instance, books, cursor)
    assert len(listener.told()) == 1


def test_people_are_told_of_a_job_once_an_hour_and_the_outbox_of_each_account(
    instance: dg.DagsterInstance, services: Any, books: Services, listener: Listener, one: Call
) -> None:
    cursor = look(instance, books, None)
    services.bad = {"DESK/A", "DESK/B"}
    for key in ("DESK/A", "DESK/A", "DESK/B"):
        one(services, key)
        cursor = look(instance, books, cursor)
        books.clock.moment += timedelta(minutes=1)  # type: ignore[attr-defined]
    assert ["DESK/A" in text for text in listener.told()] == [True]
    told = [body["partition"] for to, body, _ in messages(books) if to == "sync_notifications"]
    assert told == ["DESK/A", "DESK/B"]
    books.clock.moment += timedelta(hours=1)  # type: ignore[attr-defined]
    one(services, "DESK/A")
    look(instance, books, cursor)
    assert len(listener.told()) == 2


def test_people_get_a_link_to_the_run(
    instance: dg.DagsterInstance, services: Any, books: Services, listener: Listener, one: Call
) -> None:
    settings = books.settings.model_copy(update={"dagster_url": "https://dagster.example.com/"})
    cursor = look(instance, books, None)
    services.bad = {"DESK/B"}
    url = f"https://dagster.example.com/runs/{one(services, 'DESK/B').run_id}"
    look(instance, Services(settings, books.store, books.clock), cursor)
    [text] = listener.told()
    assert text.endswith(f"no answer ({url})")
    assert [body["url"] for _, body, _ in messages(books)] == [url] * 3


def test_an_errors_own_text_goes_to_nobody(
    instance: dg.DagsterInstance, services: Any, books: Services, listener: Listener
) -> None:
    cursor = look(instance, books, None)
    services.error = "postgresql://desk:hunter2@db refused"
    job = build_definitions({"services": services}).resolve_job_def("rebuild_history")
    config = {"ops": {"rebuild_days": {"config": {"since": "2026-03-02", "until": "2026-03-03"}}}}
    job.execute_in_process(run_config=config, instance=instance, raise_on_error=False)
    look(instance, books, cursor)
    [text] = listener.told()
    assert text.startswith("a run of rebuild_history failed: ConnectionError (run ")
    assert "hunter2" not in str(messages(books))


def test_without_notifications_nobody_is_told(
    instance: dg.DagsterInstance, services: Any, books: Services, listener: Listener, one: Call
) -> None:
    settings = books.settings.model_copy(update={"rabbitmq_notifications_enabled": False})
    silent = Services(settings, books.store, books.clock)
    cursor = look(instance, silent, None)
    services.bad = {"DESK/B"}
    one(services, "DESK/B")
    look(instance, silent, cursor)
    assert (listener.told(), messages(books)) == ([], [])
