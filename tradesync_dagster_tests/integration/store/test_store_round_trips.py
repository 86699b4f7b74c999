"""All tables at once: what is written comes back, and writing it again changes nothing."""

import zlib
from dataclasses import replace
from datetime import timedelta

import pytest

from tradesync_dagster.domain.answers import Payload
from tradesync_dagster.domain.book_states import AddedFills, BookState, Generation
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.errors import StoreError
from tradesync_dagster.domain.facts import Facts
from tradesync_dagster.domain.order_parts import ALL_UNITS, Part
from tradesync_dagster.domain.orders import Origin, order_id_of, placed_id_of
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.store_frames import dump, fill_rows, rows
from tradesync_dagster_tests.support.store_rows import (
    ACTION,
    BOOK_DAY,
    CONVERSION,
    DAY,
    EVENT,
    FILL,
    FIRST,
    HOLDING,
    INTENT,
    ISIN,
    LOT,
    NEXT,
    OPENING,
    ORDER,
    POSITION,
    ROW,
    SETTLEMENT,
    T0,
    T1,
    TOKEN,
    write_everything,
)
from tradesync_dagster_tests.support.task_rows import MANDATE


def test_what_is_written_is_read_back_the_same(store: SqlStore) -> None:
    with store.begin([1]) as work:
        write_everything(work)
    with store.begin([1]) as work:
        assert work.states([1]) == [BookState(1, "orders", DAY, T0, "hash")]
        assert work.orders([1], DAY) == [ORDER]
        assert work.intents([1], T0) == [INTENT]
        assert rows(work.fills([1], DAY)) == fill_rows(FILL)
        assert work.positions([1]) == [POSITION]
        assert work.holdings([1]) == [HOLDING]
        assert (work.mandates([1]), work.mandates([2])) == ([MANDATE], [])
        assert work.instruments() == {("NSE", "INFY"): (1, 99)}
        assert work.prices(DAY) == {("NSE", "INFY"): (1, 99)}
        assert work.generations([1]) == {1: Generation(1, T0, None, DAY)}
        assert work.facts([1]) == Facts(
            {("NSE", "INFY"): ISIN}, (OPENING,), (ACTION,), (CONVERSION,), (SETTLEMENT,)
        )
        kept = work.books_since([1], FIRST, None)
        assert rows(kept.lots) == [LOT]
        assert rows(kept.days) == [BOOK_DAY]
    stored = dump(store)
    assert stored["order_events"] == [(EVENT.order_id, T0, "seen", EVENT.detail)]
    assert zlib.decompress(stored["raw_payloads"][0][1]) == b"[]"


def test_the_same_write_twice_changes_nothing(store: SqlStore) -> None:
    with store.begin([1]) as work:
        assert write_everything(work) == AddedFills(added=1, since={1: DAY})
    before = dump(store)
    # Written by people, or by a tick as a whole, and not within the transaction of a sync.
    elsewhere = {
        "api_keys", "audit_log", "notification_preferences", "people", "people_sessions", "retries",
        "sign_in_failures", "ticks",
    }  # fmt: skip
    untested = {name for name in before if not before[name]} - elsewhere
    assert not untested
    with store.begin([1]) as work:
        assert write_everything(work) == AddedFills(known=1)
    assert dump(store) == before


def test_orders_and_placements_keep_to_the_accounts_and_days_asked_for(store: SqlStore) -> None:
    tomorrow = DAY + timedelta(days=1)
    other = replace(ORDER, order_id=order_id_of(2, DAY, "B1"), account_id=2)
    again = replace(
        ORDER, order_id=order_id_of(1, tomorrow, "B1"), broker=replace(ROW, trade_date=tomorrow)
    )
    with store.begin([1, 2]) as work:
        work.put_orders([ORDER, other, again], [])
        work.put_intents([INTENT, replace(INTENT, account_id=2)])
        assert work.orders([1], DAY) == [ORDER, again]
        assert work.orders([2, 1], tomorrow) == [again]
        assert work.orders([], DAY) == []
        assert work.intents([2], T0) == [replace(INTENT, account_id=2)]
        assert work.intents([1, 2], T0 + timedelta(microseconds=1)) == []


def test_assignments_are_the_orders_that_strategies_own(store: SqlStore) -> None:
    owned = replace(ORDER, strategy_id="trend")
    theirs = replace(owned, order_id=order_id_of(2, DAY, "B1"), account_id=2)
    nobodys = replace(
        ORDER, order_id=order_id_of(1, DAY, "B2"), broker=replace(ROW, broker_order_id="B2")
    )
    whole = {
        "account_id": 1,
        "trade_date": DAY.toordinal(),
        "broker_order_id": "B1",
        "strategy_id": "trend",
        "start": 0,
        "end": ALL_UNITS,
    }
    with store.begin([1, 2]) as work:
        work.put_orders([owned, theirs, nobodys], [])
        assert rows(work.assignments([1])) == [whole]
        assert len(work.assignments([1, 2])) == 2
        assert work.assignments([]).empty
        later = replace(ROW, trade_date=NEXT)
        again = replace(ORDER, order_id=order_id_of(1, NEXT, "B1"), broker=later)
        work.put_orders([again], [])
        nobody = whole | {"trade_date": NEXT.toordinal(), "strategy_id": ""}
        found = sorted(rows(work.assignments([1])), key=lambda row: row["trade_date"])
        assert found == [whole, nobody], "the id came back, for nobody"
        unsent = replace(owned, order_id=placed_id_of(1, "ts-9"),
                         broker=replace(ROW, broker_order_id="", status_word=""))  # fmt: skip
        other = replace(unsent, order_id=placed_id_of(1, "ts-8"))
        work.put_orders([unsent, other], [])
        assert len(work.assignments([1])) == 2, "an order without the broker's id owns no fill"
        assert work.assignments([2])["strategy_id"].tolist() == ["trend"]


def test_the_parts_of_an_order_are_kept_in_order(store: SqlStore) -> None:
    parts = (Part("zeta", 6), Part("alpha", 4))
    shared = replace(ORDER, parts=parts, strategy_id="trend", confidence=None)
    with store.begin([1]) as work:
        work.put_orders([shared], [])
        assert work.orders([1], DAY) == [shared]
        found = work.assignments([1])
        assert found[["strategy_id", "start", "end"]].to_numpy().tolist() == [
            ["zeta", 0, 6], ["alpha", 6, 10], ["trend", 10, ALL_UNITS],
        ]  # fmt: skip
        work.put_orders([ORDER], [])
        assert work.orders([1], DAY) == [ORDER]
        assert work.assignments([1]).empty


def test_a_refused_transaction_keeps_nothing(store: SqlStore) -> None:
    def write() -> None:
        with store.begin([1]) as work:
            write_everything(work)
            work.put_breaks([Break(99, "kind", "no such account", T0, {"secret": TOKEN})])

    before = dump(store)
    with pytest.raises(StoreError, match="refused") as raised:
        write()
    assert TOKEN not in str(raised.value)
    assert dump(store) == before


def test_an_error_of_the_caller_keeps_nothing(store: SqlStore) -> None:
    def fail() -> None:
        with store.begin([1]) as work:
            write_everything(work)
            raise RuntimeError("boom")

    before = dump(store)
    with pytest.raises(RuntimeError, match="boom"):
        fail()
    assert dump(store) == before


def test_a_conflict_keeps_what_was_first(store: SqlStore) -> None:
    with store.begin([1]) as work:
        write_everything(work)
    moved = replace(ORDER, first_seen_at=T1, last_seen_at=T1, origin=Origin.EXTERNAL)
    with store.begin([1]) as work:
        work.put_orders([moved], [replace(EVENT, detail={"other": 1})])
        work.put_intents([replace(INTENT, state="acknowledged", created_at=T1)])
        work.add_payloads([Payload("hash", 1, b"other")], T1)
        work.put_openings([replace(OPENING, quantity=1)])
        assert work.orders([1], DAY) == [replace(moved, first_seen_at=T0)]
        assert work.intents([1], T0) == [replace(INTENT, state="acknowledged")]
        assert work.facts([1]).openings == (OPENING,), "what was taken over once stays"
    stored = dump(store)
    assert stored["order_events"][0][-1] == EVENT.detail
    assert stored["raw_payloads"] == [("hash", zlib.compress(b"[]", 1), T0, 1, T1, False)]
