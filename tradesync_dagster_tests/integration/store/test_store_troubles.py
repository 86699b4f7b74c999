"""Which refusals of the database are tried again, and for how long."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection

from tradesync_dagster.domain.errors import (
    ConfigurationError,
    StoreAwayError,
    StoreBusyError,
    StoreError,
)
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.store import troubles
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.store_rows import T0, message


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr(troubles.time, "sleep", pauses.append)
    return pauses


class Work:
    """Writes a message, and fails as often as it is told to."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.times, self.calls = error, times, 0

    def __call__(self, work: UnitOfWork) -> str:
        self.calls += 1
        work.add_messages([message(self.calls)])
        if self.calls <= self.times:
            raise self.error
        return "done"


@pytest.mark.parametrize("kind", [StoreBusyError, StoreAwayError])
def test_what_passes_is_tried_again_and_kept_once(
    store: SqlStore, slept: list[float], kind: type[Exception]
) -> None:
    work = Work(kind("passes"), times=2)
    assert store.transact([1], work) == "done"
    assert (work.calls, slept) == (3, [0.1, 0.5])
    assert store.pending_messages(10) == [message(3)], "what was tried in vain is undone"


def test_what_stays_is_given_up_after_some_seconds(store: SqlStore, slept: list[float]) -> None:
    work = Work(StoreBusyError("stays"), times=9)
    with pytest.raises(StoreBusyError, match="stays"):
        store.transact([1], work)
    assert (work.calls, slept) == (4, [0.1, 0.5, 2.0])
    assert store.pending_messages(10) == []


@pytest.mark.parametrize(
    "read",
    [
        lambda store: store.accounts(),
        lambda store: store.account("ORG/A1"),
        lambda store: store.unpublished(None),
        lambda store: store.published([1]),
        lambda store: store.pending_messages(1),
        lambda store: store.last_sent("people/0"),
        lambda store: store.activities(T0.date(), T0, 1),
    ],
    ids=lambda read: read.__code__.co_names[0],
)
def test_each_read_is_tried_again(
    store: SqlStore,
    slept: list[float],
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[SqlStore], object],
) -> None:
    reading, refusals = store.reading, [StoreAwayError("restarts")]

    @contextmanager
    def away_once() -> Iterator[Connection]:
        if refusals:
            raise refusals.pop()
        with reading() as connection:
            yield connection

    expected = read(store)
    monkeypatch.setattr(store, "reading", away_once)
    assert read(store) == expected
    assert slept == [0.1]


def test_who_is_not_patient_waits_for_nothing(store: SqlStore, slept: list[float]) -> None:
    work = Work(StoreBusyError("stays"), times=1)
    with pytest.raises(StoreBusyError):
        store.transact([1], work, patient=False)
    assert (work.calls, slept) == (1, [])


@pytest.mark.parametrize("kind", [StoreError, ConfigurationError])
def test_what_would_be_refused_again_is_not_tried_again(
    store: SqlStore, slept: list[float], kind: type[Exception]
) -> None:
    work = Work(kind("refused"), times=1)
    with pytest.raises(kind, match="refused"):
        store.transact([1], work)
    assert (work.calls, slept) == (1, [])
