"""Lots and days of the past, positions and holdings of now."""

from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from tradesync_dagster.domain.book_days import STILL_OPEN
from tradesync_dagster.domain.book_frames import DAY_COLUMNS, LOT_COLUMNS
from tradesync_dagster.domain.book_states import Generation
from tradesync_dagster.domain.bookkeeping import Books
from tradesync_dagster.store.store import SqlStore, SqlUnitOfWork
from tradesync_dagster_tests.support.store_frames import book_days, books, dump, lots, rows
from tradesync_dagster_tests.support.store_rows import (
    BOOK_DAY,
    DAY,
    FIRST,
    HOLDING,
    LOT,
    NEXT,
    POSITION,
    T0,
    T1,
)


def on(number: int) -> int:
    """Return the ordinal of the n-th day after ``DAY``."""
    return DAY.toordinal() + number


def span(held_from: int, held_to: int | None, **more: Any) -> dict[str, Any]:
    until = STILL_OPEN if held_to is None else on(held_to)
    return {"held_from": on(held_from), "held_to": until} | more


def put(work: SqlUnitOfWork, new: Books) -> None:
    """Make books the only ones of both accounts."""
    work.replace_books(work.books_since([1, 2], FIRST, None), new)


SPANS = [
    span(0, 2, quantity=6),
    span(2, 5, quantity=4),
    span(5, None, quantity=1),
    span(1, None, fill_id="other", instrument="NSE:TCS"),
    span(1, None, fill_id="of a strategy", strategy_id="trend"),
    span(0, None, account_id=2),
]


@pytest.mark.parametrize(
    ("day", "held"),
    [
        (-1, []),
        (0, [6]),
        (1, [6, 6]),
        (2, [4, 6]),
        (4, [4, 6]),
        (5, [1, 6]),
        (400, [1, 6]),
        (None, [1, 6]),
    ],
)
def test_lots_open_at_a_days_end_are_the_accounts_own(
    store: SqlStore, day: int | None, held: list[int]
) -> None:
    with store.begin([1, 2]) as work:
        put(work, books(SPANS, []))
        got = work.open_lots([1], None if day is None else DAY + timedelta(days=day))
    assert sorted(got["quantity"]) == held
    assert list(got.columns) == list(LOT_COLUMNS)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (0, [0, 1, 1, 2, 5]),
        (2, [0, 1, 1, 2, 5]),
        (3, [1, 1, 2, 5]),
        (5, [1, 1, 2, 5]),
        (6, [1, 1, 5]),
    ],
)
def test_books_since_a_day_have_the_lots_that_were_open_the_evening_before(
    store: SqlStore, day: int, expected: list[int]
) -> None:
    with store.begin([1, 2]) as work:
        put(work, books(SPANS, []))
        got = work.books_since([1], DAY + timedelta(days=day), None)
    assert sorted(got.lots["held_from"] - on(0)) == expected


def test_books_since_a_day_have_its_days_and_later_ones(store: SqlStore) -> None:
    days = [{"trade_date": on(n)} for n in range(3)]
    with store.begin([1, 2]) as work:
        put(work, books([], [*days, {"instrument": "NSE:TCS"}, {"account_id": 2}]))
        got = work.books_since([1], NEXT, None).days
        assert rows(got) == [BOOK_DAY | days[1], BOOK_DAY | days[2]]
        assert rows(work.books_since([1], FIRST, ["NSE:TCS"]).days) == [
            BOOK_DAY | {"instrument": "NSE:TCS"}
        ]
        assert work.books_since([1], FIRST, []).days.empty


def test_lots_can_be_asked_for_by_instrument(store: SqlStore) -> None:
    with store.begin([1, 2]) as work:
        put(work, books(SPANS, []))
        assert set(work.books_since([1], FIRST, ["NSE:TCS"]).lots["fill_id"]) == {"other"}
        assert len(work.books_since([1], FIRST, ["NSE:TCS", LOT["instrument"]]).lots) == 5
        assert work.books_since([1], FIRST, []).lots.empty


def test_instruments_since_a_day_are_those_with_entries(store: SqlStore) -> None:
    days = [
        {},
        {"instrument": "NSE:TCS", "trade_date": on(1)},
        {"instrument": "NSE:SBIN", "trade_date": on(2), "strategy_id": "trend"},
        {"instrument": "NSE:ITC", "trade_date": on(2), "account_id": 2},
    ]
    with store.begin([1, 2]) as work:
        put(work, books([], days))
        assert work.instruments_since([1], NEXT) == {"NSE:TCS", "NSE:SBIN"}
        assert work.instruments_since([1, 2], NEXT + timedelta(days=1)) == {"NSE:SBIN", "NSE:ITC"}
        assert work.instruments_since([1], NEXT + timedelta(days=2)) == set()


def test_a_days_rows_are_the_accounts_own(store: SqlStore) -> None:
    days = [{}, {"trade_date": on(1)}, {"strategy_id": "trend"}, {"account_id": 2}]
    with store.begin([1, 2]) as work:
        put(work, books([], days))
        got = work.days([1], DAY)
        assert rows(got) == [BOOK_DAY]
        assert list(got.columns) == list(DAY_COLUMNS)
        assert len(work.days([1, 2], DAY)) == 2
        assert work.days([1], DAY - timedelta(days=1)).empty


def test_sums_of_money_of_any_size_come_back_whole(store: SqlStore) -> None:
    huge = {"cost": -(10**40), "realised_pnl": 10**40 + 1}
    with store.begin([1]) as work:
        put(work, books([], [huge]))
        [row] = rows(work.books_since([1], FIRST, None).days)
    assert (row["cost"], row["realised_pnl"]) == (-(10**40), 10**40 + 1)


def test_replacing_books_writes_what_changed_and_takes_away_what_is_gone(store: SqlStore) -> None:
    old = books(
        [span(0, None), span(0, None, fill_id="gone"), span(0, None, fill_id="same")],
        [{}, {"instrument": "gone"}, {"instrument": "same"}],
    )
    new = books(
        [span(0, 1, quantity=5), span(1, None, quantity=2), span(0, None, fill_id="same")],
        [{"realised_pnl": 3}, {"instrument": "same"}, {"instrument": "new"}],
    )
    theirs = books([span(0, None, account_id=2)], [{"account_id": 2}])
    with store.begin([1, 2]) as work:
        put(work, _both(old, theirs))
        work.replace_books(work.books_since([1], FIRST, None), new)
        got = work.books_since([1, 2], FIRST, None)
        assert rows(got.lots) == rows(_both(new, theirs).lots)
        assert rows(got.days) == rows(_both(new, theirs).days)


def test_rows_that_were_not_read_stay(store: SqlStore) -> None:
    earlier, later = span(0, 1, quantity=9), span(1, None, quantity=7)
    with store.begin([1]) as work:
        put(work, books([earlier, later], [{}, {"trade_date": on(1)}]))
        read = work.books_since([1], DAY + timedelta(days=2), None)
        assert rows(read.lots) == [LOT | later]
        work.replace_books(read, books([], []))
        got = work.books_since([1], FIRST, None)
        assert rows(got.lots) == [LOT | earlier]
        assert len(got.days) == 2


def test_books_replaced_by_themselves_write_nothing(store: SqlStore) -> None:
    with store.begin([1, 2]) as work:
        put(work, books(SPANS, [{}]))
    before = dump(store)
    with store.begin([1, 2]) as work:
        same = work.books_since([1, 2], FIRST, None)
        shuffled = Books(same.lots.sample(frac=1, random_state=1), same.days)
        work.replace_books(same, shuffled)
        work.replace_books(books([], []), books([], []))
    assert dump(store) == before


def test_thousands_of_lots_go_through_every_chunk(store: SqlStore) -> None:
    many = [span(0, None, fill_id=f"T{n:05}", quantity=n + 1) for n in range(5_003)]
    with store.begin([1]) as work:
        put(work, books(many, []))
        assert rows(work.open_lots([1], None)) == rows(lots(*many))
        put(work, books(many[:1], []))
        assert rows(work.open_lots([1], None)) == rows(lots(many[0]))


def _both(one: Books, other: Books) -> Books:
    return Books(
        pd.concat([one.lots, other.lots], ignore_index=True),
        pd.concat([one.days, other.days], ignore_index=True),
    )


# How far they have been made.


def test_an_account_never_met_has_nothing_made(store: SqlStore) -> None:
    with store.begin([1, 2]) as work:
        assert work.generations([2, 1]) == {2: Generation(2), 1: Generation(1)}
        work.put_generations([Generation(1, T0, NEXT, DAY)])
        assert work.generations([1, 2]) == {1: Generation(1, T0, NEXT, DAY), 2: Generation(2)}
        work.put_generations([Generation(1, T1, None, DAY)])
        assert work.generations([1]) == {1: Generation(1, T1, None, DAY)}


def test_marks_only_go_back_in_time_until_the_books_are_made(store: SqlStore) -> None:
    with store.begin([1, 2]) as work:

        def marked(**since: date) -> list[date | None]:
            work.mark_stale({int(name[1:]): day for name, day in since.items()})
            return [known.stale_from for known in work.generations([1, 2]).values()]

        assert marked() == [None, None]
        assert marked(a1=NEXT) == [NEXT, None]
        assert marked(a1=DAY, a2=NEXT) == [DAY, NEXT]
        assert marked(a1=NEXT) == [DAY, NEXT]
        work.put_generations([Generation(1, T0, None, DAY)])
        assert marked(a1=NEXT) == [NEXT, NEXT]
        assert work.generations([1])[1] == Generation(1, T0, NEXT, DAY), "a mark leaves the rest"


# Positions and holdings.


def test_replacing_an_accounts_positions_leaves_the_others(store: SqlStore) -> None:
    theirs = POSITION | {"account_id": 2}
    with store.begin([1, 2]) as work:
        work.put_positions([1, 2], [POSITION, POSITION | {"symbol": "TCS"}, theirs])
        work.put_positions([1], [POSITION | {"quantity": 9}])
        assert work.positions([1, 2]) == [POSITION | {"quantity": 9}, theirs]
        work.put_positions([1], [])
        assert work.positions([1, 2]) == [theirs]


def test_replacing_an_accounts_holdings_leaves_the_others(store: SqlStore) -> None:
    theirs, pledged = HOLDING | {"account_id": 2}, HOLDING | {"product": "MTF", "quantity": 1}
    with store.begin([1, 2]) as work:
        work.put_holdings([1, 2], [theirs, pledged, HOLDING])
        assert work.holdings([1, 2]) == [HOLDING, pledged, theirs], "one a product, by key"
        work.put_holdings([1], [HOLDING | {"t1_quantity": 0}])
        assert work.holdings([1, 2]) == [HOLDING | {"t1_quantity": 0}, theirs]
        work.put_holdings([], [])
        assert work.holdings([2]) == [theirs]


def test_days_written_again_by_another_order_are_the_same(store: SqlStore) -> None:
    both = [{}, {"instrument": "NSE:TCS"}]
    with store.begin([1]) as work:
        put(work, Books(lots(), book_days(*both)))
    before = dump(store)
    with store.begin([1]) as work:
        put(work, Books(lots(), book_days(*both[::-1])))
    assert dump(store) == before
