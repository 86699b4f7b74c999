"""What may be cleared, what stays whatever its age, and that no transaction grows with the desk."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tradesync_dagster.domain.answers import Payload
from tradesync_dagster.domain.book_states import BookState
from tradesync_dagster.domain.breaks import Break, BreakState
from tradesync_dagster.domain.quiet_looks import QuietLooks
from tradesync_dagster.store import clearing
from tradesync_dagster.store.clearing import Kept
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.store_frames import stored
from tradesync_dagster_tests.support.store_rows import DAY, T0, T1, message

DIFFERS = Break(1, "position_differs", "NSE:INFY", T0, {})


def payloads(store: SqlStore) -> list[str]:
    return sorted(row["payload_hash"] for row in stored(store, "raw_payloads"))


def keep(store: SqlStore, *names: str, account_id: int = 1, held: bool = False) -> None:
    with store.begin([account_id]) as work:
        work.add_payloads([Payload(name, account_id, b"[]", held) for name in names], T0)


def clear(store: SqlStore) -> int:
    return store.clear(Kept(T0, T0, T0, T1))["raw_payloads"]


def test_old_answers_go_but_what_was_refused_and_what_came_last_stay(store: SqlStore) -> None:
    keep(store, "old", "state", "again")
    keep(store, "refused", held=True)
    with store.begin([1]) as work:
        work.put_states([BookState(1, "orders", DAY, T0, "state")])
        work.add_payloads([Payload("again", 1, b"[]")], T1)
    assert store.clear(Kept(T0, T0, T0, T0))["raw_payloads"] == 0
    assert clear(store) == 1
    assert payloads(store) == ["again", "refused", "state"]


def test_an_account_with_a_break_keeps_its_answers_until_it_is_resolved(store: SqlStore) -> None:
    keep(store, "mine", "everybodys")
    keep(store, "theirs", "everybodys", account_id=2)
    with store.begin([1]) as work:
        work.put_breaks([DIFFERS])
    assert clear(store) == 1
    assert payloads(store) == ["everybodys", "mine"]
    with store.begin([1]) as work:
        (known,) = work.breaks([1], [DIFFERS.kind])
        work.put_known_breaks([replace(known, state=BreakState.RESOLVED)])
    assert clear(store) == 2
    assert payloads(store) == []


def test_what_ticks_wrote_goes_in_its_own_time(store: SqlStore) -> None:
    with store.begin([1]) as work:
        work.add_messages([message(1), message(2), replace(message(3), passing=True)])
        work.add_quiet_looks([QuietLooks(1, T0, "acme", "t", {"1": [0]})])
    store.mark_sent([message(number).message_id for number in (1, 3)], T0)
    late = T1 + timedelta(days=1)
    assert store.clear(Kept(T0, T0, late, T0))["outbox"] == 1, "of nothing new"
    assert store.clear(Kept(late, T0, T0, T0))["outbox"] == 1, "what waits stays"
    assert store.clear(Kept(late, late, T0, T0))["quiet_looks"] == 1
    assert [row["message_id"] for row in stored(store, "outbox")] == [message(2).message_id]


def test_each_transaction_deletes_a_bounded_number(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clearing, "MOST", 2)
    keep(store, *"abcde")
    gone: list[int] = []
    write = store._write

    def counted(work: Any) -> int:
        gone.append(write(work))
        return gone[-1]

    monkeypatch.setattr(store, "_write", counted)
    assert clear(store) == 5
    assert [count for count in gone if count] == [2, 2, 1]
