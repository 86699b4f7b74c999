"""Product conversions, by example."""

from datetime import date
from typing import Any

import pytest

from tradesync_dagster.domain.book_frames import QUEUE
from tradesync_dagster.domain.facts import Conversion, Facts
from tradesync_dagster.domain.orders import Side
from tradesync_dagster_tests.support.book_frames import LISTED, days_of, kept, lots_on, trade

MONDAY, TUESDAY, WEDNESDAY = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)
THURSDAY = date(2026, 3, 5)


def move(quantity: int, **more: Any) -> Conversion:
    """Convert on Wednesday, by default from MIS to CNC and of the day's units."""
    row = {"account_id": 1, "conversion_id": "C1", "trade_date": WEDNESDAY, "exchange": "NSE",
           "symbol": "INFY", "side": Side.BUY, "from_product": "MIS", "to_product": "CNC",
           "quantity": quantity, "overnight": False}  # fmt: skip
    return Conversion(**row | more)


def moved(*moves: Conversion) -> Facts:
    return Facts(LISTED, conversions=moves)


def held(books: Any, day: date = WEDNESDAY) -> list[tuple[Any, ...]]:
    return lots_on(books, day, "product", "quantity", "price")


def test_a_conversion_of_the_day_takes_the_last_bought_units() -> None:
    buys = [trade(5, 100, WEDNESDAY, "MIS"), trade(5, 110, WEDNESDAY, "MIS")]
    books = kept(buys, moved(move(7)))
    assert held(books) == [("CNC", 2, 100), ("CNC", 5, 110), ("MIS", 3, 100)]
    books = kept(buys, moved(move(4)))
    assert held(books) == [("CNC", 4, 110), ("MIS", 5, 100), ("MIS", 1, 110)]


def test_converted_units_count_in_their_new_products_trading() -> None:
    rows = [trade(10, 100, WEDNESDAY, "MIS"), trade(-4, 130, WEDNESDAY), trade(8, 90, MONDAY)]
    books = kept(rows, moved(move(6)))
    # Bought on the day after all, four of them net with the day's sale before the old lot.
    assert held(books) == [("CNC", 8, 90), ("CNC", 2, 100), ("MIS", 4, 100)]
    assert days_of(books, "trade_date", "product", "realised_pnl")[1:] == [
        (WEDNESDAY, "CNC", 4 * 30),
        (WEDNESDAY, "MIS", 0),
    ]


def test_a_conversion_of_units_from_before_takes_the_first_lots() -> None:
    buys = [trade(5, 100, MONDAY, "NRML"), trade(5, 110, TUESDAY, "NRML")]
    books = kept(buys, moved(move(7, from_product="NRML", to_product="MIS", overnight=True)))
    assert held(books, TUESDAY) == [("NRML", 5, 100), ("NRML", 5, 110)]
    assert held(books) == [("MIS", 5, 100), ("MIS", 2, 110), ("NRML", 3, 110)]
    assert days_of(books, "trade_date", "product", "quantity", "cost")[2:] == [
        (WEDNESDAY, "MIS", 7, 720),
        (WEDNESDAY, "NRML", 3, 330),
    ]


def test_a_conversion_of_units_from_before_leaves_the_days() -> None:
    rows = [trade(5, 100, MONDAY, "NRML"), trade(5, 110, WEDNESDAY, "NRML")]
    overnight = move(9, from_product="NRML", to_product="MIS", overnight=True)
    assert held(kept(rows, moved(overnight))) == [("MIS", 5, 100), ("NRML", 5, 110)]
    intraday = move(9, from_product="NRML", to_product="MIS")
    assert held(kept(rows, moved(intraday))) == [("MIS", 5, 110), ("NRML", 5, 100)]


def test_a_short_side_is_converted_alike() -> None:
    rows = [
        trade(-5, 100, WEDNESDAY, "MIS"),
        trade(-5, 110, WEDNESDAY, "MIS"),
        trade(2, 90, WEDNESDAY, "MIS"),
    ]
    short = {"side": Side.SELL, "to_product": "NRML"}
    assert held(kept(rows, moved(move(6, **short)))) == [
        ("MIS", -2, 100),
        ("NRML", -1, 100),
        ("NRML", -5, 110),
    ]
    overnight = {"side": Side.SELL, "from_product": "NRML", "to_product": "MIS", "overnight": True}
    rows = [trade(-5, 100, MONDAY, "NRML"), trade(-5, 110, TUESDAY, "NRML")]
    assert held(kept(rows, moved(move(6, **overnight)))) == [
        ("MIS", -5, 100),
        ("MIS", -1, 110),
        ("NRML", -4, 110),
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"account_id": 2},
        {"side": Side.SELL},
        {"from_product": "NRML"},
        {"exchange": "BSE"},
        {"symbol": "TCS"},
        {"trade_date": THURSDAY},
        {"overnight": True},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_conversion_moves_only_what_it_names(other: dict[str, Any]) -> None:
    books = kept([trade(5, 100, WEDNESDAY, "MIS")], moved(move(5, **other)))
    assert held(books) == [("MIS", 5, 100)]


def test_a_strategys_units_are_converted_beside_the_accounts() -> None:
    rows = [trade(5, 100, WEDNESDAY, "MIS", strategy_id=name) for name in ("", "trend")]
    books = kept(rows, moved(move(3)))
    found = lots_on(books, WEDNESDAY, "strategy_id", "product", "quantity")
    assert sorted(found) == [
        ("", "CNC", 3),
        ("", "MIS", 2),
        ("trend", "CNC", 3),
        ("trend", "MIS", 2),
    ]


def test_units_that_meet_opposite_ones_close_them_on_that_day() -> None:
    rows = [trade(5, 100, MONDAY, "NRML"), trade(-3, 130, TUESDAY, "MIS")]
    back = move(4, from_product="NRML", to_product="MIS", overnight=True)
    books = kept([*rows, trade(-1, 140, WEDNESDAY, "MIS")], moved(back))
    assert held(books, TUESDAY) == [("MIS", -3, 130), ("NRML", 5, 100)]
    assert held(books) == [("NRML", 1, 100)]
    assert days_of(books, "trade_date", "product", "quantity", "realised_pnl", "wins")[2:] == [
        (WEDNESDAY, "MIS", 0, 3 * 30 + 40, 2),
        (WEDNESDAY, "NRML", 1, 0, 0),
    ]


def test_units_converted_there_and_back_are_lots_of_their_own() -> None:
    there = {"from_product": "NRML", "to_product": "MIS", "overnight": True}
    back = {"from_product": "MIS", "to_product": "NRML", "overnight": True, "conversion_id": "C2"}
    row = trade(5, 100, MONDAY, "NRML")
    for day in (WEDNESDAY, THURSDAY):
        books = kept([row], moved(move(3, **there), move(2, **back, trade_date=day)))
        key = [*QUEUE, "trade_date", "fill_id", "piece", "held_from"]
        assert not books.lots.duplicated(key).any(), "the store keeps one row of each"
        assert sorted(held(books, THURSDAY)) == [
            ("MIS", 1, 100),
            ("NRML", 2, 100),
            ("NRML", 2, 100),
        ]
