"""What brokers sent and what came of it: kept once, dated and counted."""

import zlib
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import update

from tradesync_dagster.domain.answers import Payload
from tradesync_dagster.domain.book_states import BookState
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.store.schema import metadata
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.store_frames import dump, stored
from tradesync_dagster_tests.support.store_rows import (
    DAY,
    NEXT,
    REJECT,
    T0,
    T1,
    result,
)

BREAK = Break(1, "book_shrank", "2026-03-02", T0, {"missing": ["B1"]})


def test_a_break_seen_again_later_is_dated_counted_and_updated(store: SqlStore) -> None:
    later = replace(BREAK, seen_at=T1, evidence={"missing": []})
    with store.begin([1]) as work:
        for found in (BREAK, BREAK, later, later, replace(BREAK, seen_at=T1)):
            work.put_breaks([found])
    [row] = stored(store, "breaks")
    assert (row["first_seen_at"], row["last_seen_at"], row["seen_count"]) == (T0, T1, 2)
    assert (row["state"], row["owner"], row["evidence"]) == ("open", "", {"missing": ["B1"]})


def test_a_break_is_one_an_account_kind_and_subject(store: SqlStore) -> None:
    others = [
        replace(BREAK, account_id=2),
        replace(BREAK, kind="fill_changed"),
        replace(BREAK, subject="2026-03-03"),
    ]
    with store.begin([1, 2]) as work:
        work.put_breaks([BREAK, *others])
        work.put_breaks([replace(BREAK, seen_at=T1)])
        work.put_breaks([])
    counts = [row["seen_count"] for row in stored(store, "breaks")]
    assert sorted(counts) == [1, 1, 1, 2]


def test_a_break_that_someone_took_stays_with_them(store: SqlStore) -> None:
    with store.begin([1]) as work:
        work.put_breaks([BREAK])
    with store.writing() as connection:
        table = metadata.tables["breaks"]
        connection.execute(update(table).values(state="explained", owner="asha"))
    with store.begin([1]) as work:
        work.put_breaks([replace(BREAK, seen_at=T1)])
    [row] = stored(store, "breaks")
    assert (row["state"], row["owner"], row["seen_count"]) == ("explained", "asha", 2)
    assert (row["first_seen_at"], row["last_seen_at"]) == (T0, T1)


def test_rejects_are_kept_once_by_content(store: SqlStore) -> None:
    with store.begin([1, 2]) as work:
        work.add_rejects([(1, "orders", REJECT)], T1)
        work.add_rejects([(1, "trades", REJECT), (2, "orders", REJECT)], T1)
        work.add_rejects([(1, "orders", replace(REJECT, raw="{}"))], T1)
        work.add_rejects([(1, "orders", replace(REJECT, reason="another"))], T1)
        work.add_rejects([], T1)
    rows = stored(store, "quarantine")
    assert len(rows) == 5
    kept = [
        (row["account_id"], row["kind"], row["row_id"]) for row in rows if row["raw"] == REJECT.raw
    ]
    assert sorted(kept) == [
        (1, "orders", "B9"),
        (1, "orders", "B9"),
        (1, "trades", "B9"),
        (2, "orders", "B9"),
    ]


def test_a_reject_that_comes_again_later_is_dated_and_counted(store: SqlStore) -> None:
    last = T1 + timedelta(minutes=5)
    with store.begin([1]) as work:
        for at in (T0, T0, T1, T1, last):
            work.add_rejects([(1, "orders", REJECT)], at)
    [row] = stored(store, "quarantine")
    assert (row["reason"], row["raw"]) == (REJECT.reason, REJECT.raw)
    assert (row["first_seen_at"], row["last_seen_at"], row["seen_count"]) == (T0, last, 3)


def test_a_reject_twice_in_one_answer_counts_once(store: SqlStore) -> None:
    with store.begin([1]) as work:
        work.add_rejects([(1, "orders", REJECT)] * 2, T0)
    assert [row["seen_count"] for row in stored(store, "quarantine")] == [1]


def test_payloads_are_kept_by_hash_and_packed(store: SqlStore) -> None:
    body = b"[" + b"0," * 5_000 + b"0]"
    with store.begin([1]) as work:
        work.add_payloads([Payload("one", 1, body), Payload("two", 1, b"")], T0)
        work.add_payloads([Payload("one", 2, body, held=True)], T1)
        work.add_payloads([Payload("one", 2, body)], T1)
        work.add_payloads([], T1)
    one, two = stored(store, "raw_payloads")
    assert (zlib.decompress(one["body"]), one["first_seen_at"]) == (body, T0)
    assert (one["account_id"], one["last_seen_at"], one["held"]) == (None, T1, True)
    assert (two["account_id"], two["last_seen_at"], two["held"]) == (1, T0, False)
    assert len(one["body"]) < 100
    assert zlib.decompress(two["body"]) == b""


def test_the_last_applied_answer_is_one_an_account_and_kind(store: SqlStore) -> None:
    first = BookState(1, "orders", DAY, T0, "h1")
    others = [replace(first, kind="trades"), replace(first, account_id=2)]
    newer = replace(first, trade_date=NEXT, requested_at=T1, payload_hash="h2")
    with store.begin([1, 2]) as work:
        work.put_states([first, *others])
        work.put_states([newer])
        found = work.states([1])
        assert sorted(found, key=lambda state: state.kind) == [newer, others[0]]
        assert work.states([2]) == [others[1]]
        assert work.states([]) == []


def test_results_are_one_an_account_and_tick(store: SqlStore) -> None:
    with store.begin([1, 2]) as work:
        work.put_results([result("t1", 1, T0, "failed"), result("t1", 2, T0, "success")])
        work.put_results([result("t1", 1, T0, "success"), result("t2", 1, T1, "success")])
    found = [(r["tick_id"], r["account_id"], r["status"]) for r in stored(store, "sync_results")]
    assert found == [("t1", 1, "success"), ("t1", 2, "success"), ("t2", 1, "success")]
    assert dump(store)["sync_results"][0][-1] == {"orders": 1}
