"""Instruments, prices by day, and the facts that stand beside fills."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from tradesync_dagster.domain.book_states import Generation
from tradesync_dagster.domain.facts import Facts
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.store_frames import books, stored
from tradesync_dagster_tests.support.store_rows import (
    ACTION,
    CONVERSION,
    DAY,
    FIRST,
    INSTRUMENT,
    ISIN,
    NEXT,
    OPENING,
    SETTLEMENT,
    T0,
    facts_of,
)

KEY = ("NSE", "INFY")
UNNAMED = "NSE:INFY"


def test_facts_are_those_of_the_accounts_asked_for_and_of_everybody(store: SqlStore) -> None:
    with store.begin([1, 2]) as work:
        facts_of(work)
        facts_of(work, account_id=2)
        assert work.facts([1]) == Facts({}, (OPENING,), (ACTION,), (CONVERSION,), (SETTLEMENT,))
        assert [one.account_id for one in work.facts([2]).openings] == [2]
        assert {one.account_id for one in work.facts([1, 2]).conversions} == {1, 2}
        alone = work.facts([])
        assert (alone.openings, alone.conversions) == ((), ())
        assert (alone.actions, alone.settlements) == ((ACTION,), (SETTLEMENT,))


def test_opening_balances_are_one_an_instrument_and_product(store: SqlStore) -> None:
    others = [replace(OPENING, exchange="BSE"), replace(OPENING, product="MTF", quantity=-3)]
    with store.begin([1]) as work:
        work.put_openings([OPENING, *others, replace(OPENING, quantity=99)])
        assert set(work.facts([1]).openings) == {OPENING, *others}


def test_an_isin_once_known_stays_when_an_answer_has_none(store: SqlStore) -> None:
    with store.begin([1]) as work:
        work.put_instruments([INSTRUMENT], DAY)
        work.put_instruments([INSTRUMENT | {"isin": "", "last_price": 100}], DAY)
        assert work.facts([1]).isins == {KEY: ISIN}
        assert work.instruments() == {KEY: (1, 100)}
        work.put_instruments([INSTRUMENT | {"symbol": "TCS", "isin": "", "multiplier": 50}], DAY)
        assert work.facts([1]).isins == {KEY: ISIN}, "an instrument without one is left out"
        assert work.instruments()["NSE", "TCS"] == (50, 99)


def test_a_past_days_price_is_the_last_one_known_then(store: SqlStore) -> None:
    friday = DAY + timedelta(days=4)
    with store.begin([1]) as work:
        work.put_instruments([INSTRUMENT | {"last_price": 10}], DAY)
        work.put_instruments([INSTRUMENT | {"last_price": 11}], DAY)
        work.put_instruments([INSTRUMENT | {"last_price": 12}], friday)
        asked = [DAY - timedelta(days=1), DAY, NEXT, friday, friday + timedelta(days=30)]
        assert [work.prices(day)[KEY][1] for day in asked] == [None, 11, 11, 12, 12]
        assert work.instruments() == {KEY: (1, 12)}
    prices = [(row["trade_date"], row["price"]) for row in stored(store, "closing_prices")]
    assert prices == [(DAY, 11), (friday, 12)]


def test_an_instrument_without_a_price_has_none_on_any_day(store: SqlStore) -> None:
    with store.begin([1]) as work:
        work.put_instruments([INSTRUMENT | {"last_price": None, "multiplier": 100}], DAY)
        work.put_instruments([], DAY)
        assert work.instruments() == {KEY: (100, None)}
        assert work.prices(NEXT) == {KEY: (100, None)}
    assert stored(store, "closing_prices") == []


def _keep(work: UnitOfWork, **changed: Any) -> None:
    """Keep two days of a queue that is known by its symbol, and mark nothing."""
    later = {"trade_date": NEXT.toordinal()}
    row = {"instrument": UNNAMED} | changed
    work.replace_books(work.books_since([1, 2], FIRST, None), books([], [row, row | later]))
    work.put_generations([Generation(1, T0, None, None), Generation(2, T0, None, None)])


def _marks(work: UnitOfWork) -> list[date | None]:
    return [known.stale_from for known in work.generations([1, 2]).values()]


def test_books_are_stale_from_their_first_day_once_the_isin_is_known(store: SqlStore) -> None:
    with store.begin([1, 2]) as work:
        work.put_instruments([INSTRUMENT | {"isin": ""}], DAY)
        _keep(work)
        work.put_instruments([INSTRUMENT], NEXT)
        assert _marks(work) == [DAY, None]
        work.put_generations([Generation(1, T0, None, None)])
        work.put_instruments([INSTRUMENT | {"last_price": 1}], NEXT)
        assert _marks(work) == [None, None], "a new price marks nothing"


def test_the_other_listing_of_the_share_is_stale_too(store: SqlStore) -> None:
    with store.begin([1, 2]) as work:
        _keep(work, instrument="BSE:INFY")
        work.put_instruments([INSTRUMENT], NEXT)
        assert _marks(work) == [DAY, None]


def test_books_are_stale_once_the_isin_is_another(store: SqlStore) -> None:
    with store.begin([1, 2]) as work:
        work.put_instruments([INSTRUMENT], DAY)
        _keep(work, instrument=ISIN, account_id=2)
        work.put_instruments([INSTRUMENT | {"isin": ACTION.new_isin}], NEXT)
        assert _marks(work) == [None, DAY]


@pytest.mark.parametrize(
    "changed",
    [{"product": "MIS"}, {"instrument": "NSE:TCS"}, {"instrument": "MCX:INFY"}],
    ids=["not delivery", "another symbol", "another exchange"],
)
def test_books_that_an_isin_does_not_name_stay(store: SqlStore, changed: dict[str, Any]) -> None:
    with store.begin([1, 2]) as work:
        _keep(work, **changed)
        work.put_instruments([INSTRUMENT], NEXT)
        assert _marks(work) == [None, None]
