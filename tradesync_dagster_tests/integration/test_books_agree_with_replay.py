"""Odd days on which the stored books must still be what a full replay gives."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tradesync_dagster.domain.book_states import Generation
from tradesync_dagster.domain.facts import OpeningBalance
from tradesync_dagster.sync.history import catch_up
from tradesync_dagster_tests.support.record_books import (
    CALL,
    EXPIRY,
    NOW,
    OLD,
    RUPEE,
    SPLIT,
    Books,
    day,
    fill,
    open_books,
)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    with open_books(f"sqlite:///{tmp_path}/books.sqlite3") as opened:
        yield opened


def test_a_lot_split_and_partly_sold_on_one_day(books: Books) -> None:
    books.trade(1, fill(1, 0, 7, 1000), fill(2, 2, -7, 200))
    books.take("actions", replace(SPLIT, ex_date=day(2), new_isin=""))
    assert [lot[3] for lot in books.lots(2)] == [28]
    assert books.agree()


def test_a_fill_that_claims_to_be_later_than_the_expiry(books: Books) -> None:
    option = {"exchange": "NFO", "symbol": CALL, "product": "NRML", "isin": ""}
    books.trade(1, fill(1, 0, 75, 120, **option))
    books.take("settlements", EXPIRY)
    books.trade(1, fill(2, 6, 25, 100, **option))
    assert books.agree()


def test_an_opening_balance_explained_in_part_and_then_split(books: Books) -> None:
    balance = OpeningBalance(1, "NSE", "INFY", "CNC", OLD, day(2), 10, 0, 900 * RUPEE)
    with books.store.begin([1]) as work:
        work.put_openings([balance])
        work.put_generations([Generation(1, None, None, day(2))])
        work.mark_stale({1: day(1)})
        catch_up(work, [1], NOW)
    books.trade(1, fill(1, 0, 4, 1000))
    books.take("actions", SPLIT)
    assert sum(lot[3] for lot in books.lots(4)) == 50
    assert books.agree()
