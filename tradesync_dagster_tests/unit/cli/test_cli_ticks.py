"""The lines that a stack prints: each tick once, and no end when the books are away for a while."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from tradesync_dagster.bootstrap import Services, SystemClock
from tradesync_dagster.cli.ticks import TickWatch
from tradesync_dagster.domain.errors import StoreError
from tradesync_dagster.domain.results import FAILED, SUCCESS, AccountResult, TickSummary
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.results import tick_row
from tradesync_dagster_tests.support.commands import done, told

FOUR = datetime(2026, 11, 19, 4, 0, tzinfo=UTC)


def put(store: SqlStore, number: int, *, orders: int = 1, **more: Any) -> None:
    """Write a tick of the nth minute as a sync does."""
    results = (AccountResult("acme/main", 1, SUCCESS, orders=orders),)
    begun = FOUR + timedelta(minutes=number)
    store.put_tick(tick_row(TickSummary(str(number), begun, 0.01, results, **more)))


@pytest.fixture
def services(store: SqlStore) -> Services:
    return Services(Settings(_env_file=None), store, SystemClock())


def test_a_tick_is_printed_once_when_it_has_stopped_growing(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    put(services.store, 1)
    watch = TickWatch(services)
    for orders in (5, 7):
        put(services.store, 2, orders=orders)
        watch.look()
        assert capsys.readouterr().out == ""
    for _ in range(3):
        watch.look()
    (line,) = capsys.readouterr().out.splitlines()
    assert "7 orders" in line


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("SELECT 1", {}, RuntimeError("the server is starting\nup")),
        StoreError("the server is starting"),
    ],
    ids=["driver", "store"],
)
def test_books_that_are_away_are_said_once_and_waited_for(
    services: Services,
    error: Exception,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away() -> None:
        raise error

    watch = TickWatch(services)
    sentence = "tradesync: the books cannot be read at the moment: the server is starting\n"
    for _ in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(services.store, "reading", away)
            for _ in range(3):
                watch.look()
        assert capsys.readouterr().err == sentence
        watch.look()
    put(services.store, 1)
    watch.look()
    watch.look()
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_ticks_are_listed_with_what_took_longest(store: SqlStore) -> None:
    put(store, 1)
    results = tuple(AccountResult(f"acme/{n}", 1, FAILED if n < 2 else SUCCESS) for n in range(7))
    parts = {"fetch": 3.2, "apply": 11.5}
    late = TickSummary("2", FOUR + timedelta(hours=1), 312.0, results, parts=parts, shard="3",
                       interval_seconds=300)  # fmt: skip
    store.put_tick(tick_row(late))
    printed = done("ticks", "--limit", "1")
    assert "apply 11.5 s" in printed
    assert "12.00" in printed
    assert printed.count("partial_success") == 1
    rows = told("ticks", "--limit", "2")
    assert [row["tick_id"] for row in rows] == ["2", "1"]
    assert rows[0]["statuses"] == {"failed": 2, "success": 5}
