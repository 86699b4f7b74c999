"""Queues, the order of entries, expiries, and books taken up again, by example."""

from datetime import date
from typing import Any

import pandas as pd
import pytest

from tradesync_dagster.domain.book_days import STILL_OPEN
from tradesync_dagster.domain.book_frames import DAY_COLUMNS, LOT_COLUMNS, empty_lots
from tradesync_dagster.domain.bookkeeping import Books, keep
from tradesync_dagster.domain.facts import Conversion, CorporateAction, Facts, Settlement
from tradesync_dagster.domain.orders import Side
from tradesync_dagster_tests.support.book_frames import (
    INFY,
    LISTED,
    Trade,
    days_of,
    fills_of,
    kept,
    lots_on,
    trade,
)

MONDAY, TUESDAY, WEDNESDAY = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)
THURSDAY, FRIDAY = date(2026, 3, 5), date(2026, 3, 6)
FACTS = Facts(LISTED)
FUTURE = {"product": "NRML", "exchange": "NFO", "symbol": "INFY26MARFUT"}


def expiring(day: date, price: int, **more: Any) -> Facts:
    return Facts(LISTED, settlements=(Settlement("NFO", "INFY26MARFUT", day, price),), **more)


def test_nothing_makes_nothing() -> None:
    books = keep(empty_lots(), fills_of([]), FACTS, 1)
    assert (list(books.lots.columns), list(books.days.columns)) == (
        list(LOT_COLUMNS),
        list(DAY_COLUMNS),
    )
    assert (len(books.lots), len(books.days)) == (0, 0)


# Order.


@pytest.mark.parametrize(
    ("first", "second"),
    [("NSE:9:BUY", "NSE:10:BUY"), ("NSE:10:BUY", "NSE:11:BUY"), ("NSE:b", "NSE:aa")],
)
@pytest.mark.parametrize("turned", [False, True])
def test_of_two_fills_at_one_time_the_exchanges_earlier_number_is_first(
    first: str, second: str, turned: bool
) -> None:
    pair = [
        trade(1, price, MONDAY, fill_id=name, filled_at=5)
        for name, price in ((first, 10), (second, 20))
    ]
    sale = trade(-1, 30, TUESDAY)
    books = kept([*(pair[::-1] if turned else pair), sale], FACTS)
    assert lots_on(books, TUESDAY, "fill_id") == [(second,)]


def test_time_comes_before_the_number_and_the_day_before_time() -> None:
    early = trade(1, 10, MONDAY, fill_id="NSE:999", filled_at=4)
    late = trade(1, 20, MONDAY, fill_id="NSE:1", filled_at=5)
    before = trade(1, 30, TUESDAY, fill_id="NSE:0", filled_at=3)
    fills = [before, late, early]
    for day, left in ((WEDNESDAY, {20, 30}), (THURSDAY, {30}), (FRIDAY, set())):
        fills.append(trade(-1, 1, day))
        assert {price for (price,) in lots_on(kept(fills, FACTS), day, "price")} == left


def test_many_fills_at_one_time_stand_by_number() -> None:
    buys = [trade(1, n, MONDAY, fill_id=f"NSE:{n}", filled_at=5) for n in range(1, 121)]
    books = kept([*buys[1::2], *buys[-2::-2], trade(-57, 1, TUESDAY)], FACTS)
    assert sorted(p for (p,) in lots_on(books, TUESDAY, "price")) == list(range(58, 121))


# Queues.


def test_shares_for_delivery_are_one_queue_by_isin() -> None:
    books = kept([trade(5, 10, MONDAY), trade(-2, 15, TUESDAY, exchange="BSE")], FACTS)
    assert lots_on(books, TUESDAY, "quantity", "exchange", "instrument") == [(3, "NSE", INFY)]
    assert days_of(books, "trade_date", "exchange", "realised_pnl") == [
        (MONDAY, "NSE", 0),
        (TUESDAY, "BSE", 10),
    ]


def test_a_fills_own_isin_names_it_where_the_instrument_is_unknown() -> None:
    books = kept([trade(5, 10, MONDAY, isin="INE1"), trade(5, 10, MONDAY, symbol="TCS")], Facts())
    assert sorted(lots_on(books, MONDAY, "instrument")) == [("INE1",), ("NSE:TCS",)]


@pytest.mark.parametrize(
    "other",
    [{"product": "MTF"}, {"account_id": 2}, {"strategy_id": "trend"}, {"symbol": "TCS"}],
    ids=lambda other: next(iter(other)),
)
def test_queues_do_not_net_with_one_another(other: dict[str, Any]) -> None:
    sale = trade(**{"quantity": -5, "price": 20, "day": MONDAY} | other)
    books = kept([trade(5, 10, MONDAY), sale], FACTS)
    assert sorted(q for (q,) in lots_on(books, MONDAY, "quantity")) == [-5, 5]
    assert set(books.days["realised_pnl"]) == {0}


# Expiries.


@pytest.mark.parametrize(
    ("quantity", "price", "settled", "earned"),
    [
        pytest.param(75, 100, 130, 75 * 30, id="a future, long"),
        pytest.param(-75, 100, 130, -75 * 30, id="a future, short"),
        pytest.param(75, 100, 0, -7500, id="an option bought, worthless"),
        pytest.param(-75, 100, 0, 7500, id="an option written, worthless"),
    ],
)
def test_what_is_open_of_a_derivative_closes_at_its_expiry(
    quantity: int, price: int, settled: int, earned: int
) -> None:
    books = kept([trade(quantity, price, MONDAY, **FUTURE)], expiring(THURSDAY, settled))
    assert lots_on(books, WEDNESDAY) == [(quantity, price)]
    assert lots_on(books, THURSDAY) == []
    assert days_of(books, "trade_date", "quantity", "cost", "realised_pnl") == [
        (MONDAY, quantity, quantity * price, 0),
        (THURSDAY, 0, 0, earned),
    ]


def test_an_expiry_closes_only_what_is_left() -> None:
    fills = [trade(75, 100, MONDAY, **FUTURE), trade(-50, 110, THURSDAY, **FUTURE)]
    books = kept(fills, expiring(THURSDAY, 130))
    assert days_of(books)[1:] == [(THURSDAY, 50 * 10 + 25 * 30)]
    flat = kept([*fills, trade(-25, 110, WEDNESDAY, **FUTURE)], expiring(THURSDAY, 130))
    assert days_of(flat)[1:] == [(WEDNESDAY, 250), (THURSDAY, 500)]


def test_an_expiry_closes_every_accounts_and_products_queue_of_that_name_only() -> None:
    fills = [
        trade(1, 10, MONDAY, **FUTURE),
        trade(1, 10, MONDAY, **FUTURE | {"account_id": 2}),
        trade(-1, 10, MONDAY, **FUTURE | {"product": "MIS"}),
        trade(1, 10, MONDAY, **FUTURE | {"symbol": "INFY26APRFUT"}),
        trade(1, 10, MONDAY),
    ]
    books = kept(fills, expiring(THURSDAY, 15))
    held = lots_on(books, THURSDAY, "symbol")
    assert sorted(held) == [("INFY",), ("INFY26APRFUT",)]
    assert sorted(earned for day, earned in days_of(books) if day == THURSDAY) == [-5, 5, 5]


@pytest.mark.parametrize("turned", [False, True])
def test_a_fill_that_claims_to_be_later_than_the_expiry_is_settled_on_its_day(turned: bool) -> None:
    fills = [trade(2, 10, MONDAY, **FUTURE), trade(-1, 20, FRIDAY, **FUTURE)]
    books = kept(fills[::-1] if turned else fills, expiring(THURSDAY, 15))
    assert lots_on(books, THURSDAY) == lots_on(books, FRIDAY) == []
    assert days_of(books) == [(MONDAY, 0), (THURSDAY, 2 * 5), (FRIDAY, 5)]


def test_a_conversion_before_the_expiry_moves_what_is_then_still_open() -> None:
    move = Conversion(
        1, "C1", WEDNESDAY, "NFO", "INFY26MARFUT", Side.BUY, "NRML", "MIS", 2, overnight=True
    )
    books = kept(
        [trade(5, 10, MONDAY, **FUTURE), trade(-1, 12, THURSDAY, **FUTURE)],
        expiring(FRIDAY, 15, conversions=(move,)),
    )
    assert lots_on(books, WEDNESDAY, "product", "quantity") == [("MIS", 2), ("NRML", 3)]
    assert lots_on(books, THURSDAY, "product", "quantity") == [("MIS", 2), ("NRML", 2)]
    assert lots_on(books, FRIDAY) == []
    assert days_of(books, "trade_date", "product", "realised_pnl") == [
        (MONDAY, "NRML", 0),
        (WEDNESDAY, "MIS", 0),
        (WEDNESDAY, "NRML", 0),
        (THURSDAY, "NRML", 2),
        (FRIDAY, "MIS", 10),
        (FRIDAY, "NRML", 10),
    ]


# Books taken up again.


def resumed(books: Books, day: date) -> pd.DataFrame:
    """Return the state at the end of the day before."""
    start, lots = day.toordinal(), books.lots
    return lots[(lots["held_from"] < start) & (lots["held_to"] >= start)]


def test_lots_given_begin_where_they_began() -> None:
    buys = [trade(5, 10, MONDAY), trade(5, 20, TUESDAY)]
    sale = trade(-7, 30, THURSDAY)
    state = resumed(kept(buys, FACTS), THURSDAY)
    books = keep(state, fills_of([sale]), FACTS, THURSDAY.toordinal())
    spans = books.lots[["price", "held_from", "held_to", "quantity"]]
    assert sorted(spans.itertuples(index=False, name=None)) == [
        (10, MONDAY.toordinal(), THURSDAY.toordinal(), 5),
        (20, TUESDAY.toordinal(), THURSDAY.toordinal(), 5),
        (20, THURSDAY.toordinal(), STILL_OPEN, 3),
    ]
    assert days_of(books, "trade_date", "quantity", "cost", "realised_pnl") == [
        (THURSDAY, 3, 60, 5 * 20 + 2 * 10)
    ], "the days before are not given again"


def test_lots_given_without_new_fills_stay_as_they_are() -> None:
    state = resumed(kept([trade(5, 10, MONDAY)], FACTS), THURSDAY)
    books = keep(state, fills_of([]), FACTS, THURSDAY.toordinal())
    assert rows_of(books.lots) == rows_of(state)
    assert books.days.empty


def rows_of(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    return sorted(frame.itertuples(index=False, name=None))


def test_a_late_fill_is_taken_in_by_keeping_from_its_day() -> None:
    known = [trade(5, 10, MONDAY), trade(-5, 30, THURSDAY), trade(2, 40, FRIDAY)]
    late = trade(5, 20, TUESDAY)
    before, whole = kept(known, FACTS), kept([*known, late], FACTS)
    again = keep(resumed(before, TUESDAY), fills_of([late, *known[1:]]), FACTS, TUESDAY.toordinal())
    assert rows_of(again.lots) == rows_of(whole.lots)
    days = whole.days[whole.days["trade_date"] >= TUESDAY.toordinal()]
    assert rows_of(again.days) == rows_of(days)
    assert lots_on(whole, FRIDAY) == [(5, 20), (2, 40)]


def test_a_late_sale_gives_the_lots_after_it_to_later_sales() -> None:
    known: list[Trade] = [trade(3, 10, MONDAY), trade(3, 20, TUESDAY), trade(-3, 30, FRIDAY)]
    assert lots_on(kept(known, FACTS), FRIDAY) == [(3, 20)]
    assert lots_on(kept([*known, trade(-2, 30, WEDNESDAY)], FACTS), FRIDAY) == [(1, 20)]


def test_a_late_fill_before_a_corporate_action_is_changed_by_it() -> None:
    split = CorporateAction(INFY, WEDNESDAY, "split", 5, 1)
    facts = Facts(LISTED, actions=(split,))
    known = [trade(5, 100, MONDAY), trade(-10, 30, FRIDAY)]
    late = trade(1, 200, TUESDAY)
    before, whole = kept(known, facts), kept([*known, late], facts)
    again = keep(resumed(before, TUESDAY), fills_of([late, known[1]]), facts, TUESDAY.toordinal())
    assert rows_of(again.lots) == rows_of(whole.lots)
    assert lots_on(whole, FRIDAY) == [(15, 20), (5, 40)]
