"""What was held before the books begin, by example."""

from datetime import date
from typing import Any

import pandas as pd
import pytest

from tradesync_dagster.domain.bookkeeping import Books
from tradesync_dagster.domain.facts import (
    Conversion,
    CorporateAction,
    Facts,
    OpeningBalance,
    Settlement,
)
from tradesync_dagster.domain.openings import ASSUMED, Excess, opening_fills
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

JANUARY = date(2026, 1, 5)
SETTLED, EVE, OPENED = date(2026, 2, 27), date(2026, 3, 2), date(2026, 3, 4)
"""Consecutive trading days: the third of March is a holiday."""
LATER = date(2026, 3, 6)
FUTURE = {"exchange": "NFO", "symbol": "INFY26MARFUT", "product": "NRML", "isin": ""}


def held(quantity: int, price: int = 100, **more: Any) -> OpeningBalance:
    row = {"account_id": 1, "exchange": "NSE", "symbol": "INFY", "product": "CNC", "isin": INFY,
           "trade_date": OPENED, "t1_quantity": 0}  # fmt: skip
    return OpeningBalance(**row | {"quantity": quantity, "average_price": price} | more)


def facts(*balances: OpeningBalance, **more: Any) -> Facts:
    return Facts(LISTED, balances, **more)


def made(known: Facts, *trades: Trade) -> list[tuple[Any, ...]]:
    """Return the assumed fills' day, units and price; nothing is in excess."""
    rows, excess = opening_fills(known, fills_of(trades))
    assert excess == []
    return [
        (date.fromordinal(row["trade_date"]), row["quantity"], row["price"])
        for row in rows.to_dict("records")
    ]


def books(known: Facts, *trades: Trade) -> Books:
    """Keep books of the fills and of what was held."""
    rows, _ = opening_fills(known, fills_of(trades))
    return kept([*rows.to_dict("records"), *trades], known)


def test_nothing_held_makes_nothing() -> None:
    rows, excess = opening_fills(facts(), fills_of([]))
    assert (len(rows), excess) == (0, [])
    assert list(rows.columns) == list(fills_of([]).columns)


def test_without_fills_all_of_it_is_assumed_and_settled() -> None:
    rows, excess = opening_fills(facts(held(10)), fills_of([]))
    assert excess == []
    assert rows.to_dict("records") == [
        {
            "account_id": 1,
            "trade_date": SETTLED.toordinal(),
            "fill_id": "opening:NSE:INFY",
            "broker_order_id": "",
            "exchange": "NSE",
            "symbol": "INFY",
            "isin": INFY,
            "product": "CNC",
            "quantity": 10,
            "price": 100,
            "filled_at": pd.Timestamp("2026-02-27", tz="Asia/Kolkata").value // 1000,
            "strategy_id": "",
        }
    ]
    assert lots_on(books(facts(held(10))), OPENED) == [(10, 100)]


def test_what_was_bought_the_day_before_arrives_apart() -> None:
    rows, _ = opening_fills(facts(held(10, t1_quantity=4)), fills_of([]))
    assert made(facts(held(10, t1_quantity=4))) == [(SETTLED, 6, 100), (EVE, 4, 100)]
    assert rows["fill_id"].is_unique
    assert all(name.startswith(ASSUMED) for name in rows["fill_id"])
    assert made(facts(held(4, t1_quantity=4))) == [(EVE, 4, 100)]


def test_an_overnight_short_is_assumed_alike() -> None:
    known = facts(held(-75, **FUTURE))
    assert made(known) == [(SETTLED, -75, 100)]
    assert lots_on(books(known), OPENED, "instrument", "product", "quantity") == [
        ("NFO:INFY26MARFUT", "NRML", -75)
    ]


# With fills from before.


def test_what_imported_fills_explain_is_not_assumed() -> None:
    buys = (trade(4, 50, JANUARY), trade(3, 60, EVE))
    assert made(facts(held(7)), *buys) == []
    assert made(facts(held(7, t1_quantity=3)), *buys) == []
    assert lots_on(books(facts(held(7)), *buys), OPENED) == [(4, 50), (3, 60)]


def test_the_rest_is_assumed_before_the_first_known_fill() -> None:
    known = facts(held(10))
    buys = (trade(4, 50, JANUARY), trade(-1, 60, SETTLED))
    assert made(known, *buys) == [(date(2026, 1, 4), 7, 100)]
    kept_books = books(known, *buys)
    assert lots_on(kept_books, OPENED) == [(6, 100), (4, 50)]
    assert lots_on(kept_books, JANUARY) == [(7, 100), (4, 50)]


def test_sales_before_the_balance_find_what_they_sold() -> None:
    known = facts(held(10))
    sale = trade(-5, 130, JANUARY)
    assert made(known, sale) == [(date(2026, 1, 4), 15, 100)]
    kept_books = books(known, sale)
    assert lots_on(kept_books, JANUARY) == [(10, 100)]
    assert days_of(kept_books)[-1] == (JANUARY, 5 * 30)


def test_more_sold_than_known_to_be_bought_is_found_too() -> None:
    rows = (trade(3, 50, JANUARY), trade(-5, 130, SETTLED))
    kept_books = books(facts(held(10)), *rows)
    assert lots_on(kept_books, OPENED) == [(7, 100), (3, 50)]
    assert {quantity < 0 for quantity, _ in lots_on(kept_books, SETTLED)} == {False}


def test_fills_of_the_day_and_later_explain_nothing() -> None:
    rows = (trade(10, 90, OPENED), trade(-2, 95, LATER))
    assert made(facts(held(10)), *rows) == [(SETTLED, 10, 100)]


def test_a_strategys_copy_of_a_fill_explains_nothing_twice() -> None:
    rows = (trade(4, 50, JANUARY), trade(4, 50, JANUARY, strategy_id="trend"))
    assert made(facts(held(10)), *rows)[0][1] == 6


def test_fills_of_another_account_product_or_share_explain_nothing() -> None:
    others = (
        trade(4, 50, JANUARY, account_id=2),
        trade(4, 50, JANUARY, product="MIS"),
        trade(4, 50, JANUARY, symbol="TCS"),
    )
    assert made(facts(held(10)), *others) == [(SETTLED, 10, 100)]


@pytest.mark.parametrize(
    ("balance", "sold", "units"),
    [
        pytest.param(held(3), 0, 7, id="more bought than held"),
        pytest.param(held(-3, **FUTURE), 0, 0, id="another queue"),
        pytest.param(held(0), 0, 10, id="nothing held"),
    ],
)
def test_fills_that_leave_more_than_was_held_are_in_excess(
    balance: OpeningBalance, sold: int, units: int
) -> None:
    rows, excess = opening_fills(facts(balance), fills_of([trade(10, 50, JANUARY)]))
    assert excess == ([Excess(1, INFY, "CNC", units)] if units else [])
    assert len(rows) == (0 if units else 1)


def test_a_short_beyond_what_was_held_is_in_excess() -> None:
    fills = fills_of([trade(-100, 50, JANUARY, **FUTURE)])
    rows, excess = opening_fills(facts(held(-75, **FUTURE)), fills)
    assert (len(rows), excess) == (0, [Excess(1, "NFO:INFY26MARFUT", "NRML", -25)])


# Two exchanges, several accounts.


def test_shares_on_two_exchanges_are_one_balance_at_their_average() -> None:
    listed_twice = (
        held(10, 100, t1_quantity=1),
        held(30, 120, exchange="BSE", t1_quantity=4),
    )
    known = facts(*listed_twice, held(5, 1, product="MTF"))
    assert sorted(made(known)) == [(SETTLED, 5, 1), (SETTLED, 35, 115), (EVE, 5, 115)]
    assert made(known, trade(40, 90, JANUARY, exchange="BSE")) == [(SETTLED, 5, 1)]


def test_accounts_open_on_days_of_their_own() -> None:
    known = facts(held(10), held(20, account_id=2, trade_date=LATER))
    rows = (trade(20, 90, OPENED, account_id=2), trade(10, 90, OPENED))
    assert made(known, *rows) == [(SETTLED, 10, 100)]


# With corporate actions and other facts between.


def split(day: date, **more: Any) -> CorporateAction:
    return CorporateAction(INFY, day, "split", 5, 1, **more)


def test_a_split_between_the_fills_and_the_balance_counts() -> None:
    known = facts(held(60, 20), actions=(split(date(2026, 2, 2)),))
    bought = trade(10, 90, JANUARY)
    assert made(known, bought) == [(SETTLED, 10, 20)], "what it did to the rest would be a guess"
    assert lots_on(books(known, bought), OPENED) == [(50, 18), (10, 20)]


def test_the_assumed_rest_stands_after_a_split_of_the_last_days() -> None:
    known = facts(held(60, 20, t1_quantity=10), actions=(split(EVE),))
    assert lots_on(books(known, trade(10, 90, JANUARY)), OPENED) == [(50, 18), (10, 20)]
    assert sum(quantity for quantity, _ in lots_on(books(known), OPENED)) == 60


@pytest.mark.parametrize("day", [OPENED, LATER])
def test_a_split_at_or_after_the_balance_changes_what_was_held(day: date) -> None:
    known = facts(held(12), actions=(split(day),))
    bought = trade(10, 90, JANUARY)
    assert made(known, bought) == [(date(2026, 1, 4), 2, 100)]
    kept_books = books(known, bought)
    assert lots_on(kept_books, EVE) == [(2, 100), (10, 90)]
    assert lots_on(kept_books, LATER) == [(10, 20), (50, 18)]


def test_a_later_isin_names_what_was_held_under_the_older_one() -> None:
    newer = "INE009A01039"
    known = Facts({("NSE", "INFY"): newer}, (held(12),), (split(LATER, new_isin=newer),))
    bought = trade(10, 90, JANUARY, isin=INFY)
    assert made(known, bought) == [(date(2026, 1, 4), 2, 100)]
    assert lots_on(books(known, bought), LATER, "instrument", "quantity") == [
        (newer, 10),
        (newer, 50),
    ]


def test_an_expiry_after_the_balance_leaves_what_was_known_then() -> None:
    known = facts(held(75, **FUTURE), settlements=(Settlement("NFO", "INFY26MARFUT", LATER, 120),))
    assert made(known, trade(75, 90, SETTLED, **FUTURE)) == []
    assert lots_on(books(known), OPENED) == [(75, 100)]
    assert days_of(books(known))[-1] == (LATER, 75 * 20)


def test_a_conversion_after_the_balance_leaves_what_was_known_then() -> None:
    move = Conversion(1, "C1", LATER, "NFO", "INFY26MARFUT", Side.BUY, "NRML", "MIS", 75, True)
    known = facts(held(75, **FUTURE), conversions=(move,))
    assert made(known, trade(75, 90, SETTLED, **FUTURE)) == []
