"""Fills made from orders that grew."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from tradesync_dagster.domain.book_frames import FILL_COLUMNS
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.money import INT64_MAX
from tradesync_dagster.domain.orders import BrokerOrder, Side
from tradesync_dagster.domain.watermarks import (
    Derived,
    KnownFill,
    Watermark,
    derive,
    known_in,
    watermark,
)
from tradesync_dagster_tests.support.known_fills import known_of
from tradesync_dagster_tests.support.orders import DAY, sample_order

PLACED = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
ASKED = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return PLACED + timedelta(minutes=minutes)


def order(filled: int, average: int, minutes: int = 1, **changes: Any) -> BrokerOrder:
    row = sample_order(
        PLACED, quantity=1000, filled_quantity=filled, average_price=average, **changes
    )
    return replace(row, updated_at=at(minutes))


def told(row: BrokerOrder, *known: Fill) -> Derived:
    return derive(7, [row], known_of(known), ASKED)


def fill(trade_id: str, quantity: int, price: int, minutes: int, **changes: Any) -> Fill:
    one = Fill(
        trade_id, "B1", DAY, "NSE", "INFY", "MIS", Side.BUY, quantity, price, at(minutes)
    )  # fmt: skip
    return replace(one, **changes)


def test_an_order_that_has_not_filled_tells_of_nothing() -> None:
    assert told(order(0, 0)) == Derived()


def test_a_first_growth_is_a_fill_of_all_of_it() -> None:
    assert told(order(4, 100_000_000, 3)) == Derived([fill("B1@4", 4, 100_000_000, 3)])


def test_a_further_growth_is_the_difference_of_quantity_and_value() -> None:
    """4 at 100 are known; 10 at 103 are 6 more for 630 altogether."""
    first = fill("B1@4", 4, 100_000_000, 3)
    assert told(order(10, 103_000_000, 5), first) == Derived([fill("B1@10", 6, 105_000_000, 5)])


def test_value_that_does_not_divide_makes_two_fills_at_adjacent_prices() -> None:
    """3 at 100.000001 and 7 at 100.000003: four more for 400.000018, that is 4.5 units each."""
    first = fill("B1@3", 3, 100_000_001, 3)
    found = told(order(7, 100_000_003, 5), first)
    assert found == Derived(
        [fill("B1@7", 2, 100_000_004, 5), fill("B1@7+", 2, 100_000_005, 5)]
    )  # fmt: skip
    assert sum(one.quantity * one.price for one in found.fills) == 7 * 100_000_003 - 3 * 100_000_001


def test_a_sale_keeps_its_side_and_what_the_order_trades() -> None:
    row = order(2, 5_000_000, 1, side=Side.SELL, symbol="ITC", exchange="BSE", product="CNC")
    (one,) = told(row).fills
    assert (one.side, one.symbol, one.exchange, one.product) == (Side.SELL, "ITC", "BSE", "CNC")


def test_the_day_of_a_fill_is_that_of_its_time_and_not_of_its_order() -> None:
    row = replace(order(2, 5_000_000), updated_at=PLACED + timedelta(days=1))
    assert [one.trade_date for one in told(row).fills] == [date(2026, 3, 3)]


def test_the_same_read_again_tells_of_nothing_new() -> None:
    row = order(7, 100_000_003, 5)
    first = told(row, fill("B1@3", 3, 100_000_001, 3)).fills
    assert told(row, fill("B1@3", 3, 100_000_001, 3), *first) == Derived()
    assert told(row, fill("B1@3", 3, 100_000_001, 3)).fills == first


def test_trades_that_another_source_brought_are_not_made_again() -> None:
    """A tradebook's rows name the order too."""
    known = (fill("77001", 3, 100_000_000, 2), fill("77002", 1, 104_000_000, 4))
    assert told(order(4, 101_000_000, 4), *known) == Derived()
    assert told(order(5, 101_000_000, 4), *known).fills == [fill("B1@5", 1, 101_000_000, 4)]


def test_an_id_of_an_earlier_day_is_another_orders() -> None:
    earlier = fill("B1@9", 9, 100_000_000, 0, trade_date=DAY - timedelta(days=1))
    assert told(order(4, 100_000_000), earlier).fills == [fill("B1@4", 4, 100_000_000, 1)]
    later = fill("B1@9", 3, 100_000_000, 0, trade_date=DAY + timedelta(days=1))
    assert [one.quantity for one in told(order(4, 100_000_000), later).fills] == [1]


def test_each_order_has_its_own_watermark() -> None:
    rows = [order(4, 100_000_000), order(6, 50_000_000, broker_order_id="B2")]
    known = known_of([fill("B1@1", 1, 100_000_000, 0)])
    found = derive(7, rows, known, ASKED)
    assert [(one.trade_id, one.quantity) for one in found.fills] == [("B1@4", 3), ("B2@6", 6)]


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (order(9, 103_000_000, 5), "filled_quantity_fell"),
        (order(0, 0, 5), "filled_quantity_fell"),
        (order(10, 102_999_999, 5), "filled_value_changed"),
        (order(10, 103_000_001, 5), "filled_value_changed"),
        (order(11, 93_000_000, 5), "filled_value_fell"),
        (order(20, 51_500_000, 5), "filled_value_fell"),
        (order(11, 0, 5), "filled_value_fell"),
        (order(11, INT64_MAX, 5), "filled_value_too_large"),
        (order(12, 103_000_000, 2), "fill_time_went_back"),
    ],
)
def test_what_is_no_growth_is_a_break_and_no_fill(row: BrokerOrder, kind: str) -> None:
    found = told(row, fill("B1@4", 4, 100_000_000, 3), fill("B1@10", 6, 105_000_000, 1))
    assert found.fills == []
    assert found.breaks == [
        Break(
            7,
            kind,
            "2026-03-02:B1",
            ASKED,
            {
                "order": "BUY NSE:INFY MIS",
                "known_quantity": "10",
                "known_value": "1030.00",
                "known_until": at(3).isoformat(),
                "broker_quantity": str(row.filled_quantity),
                "broker_average": found.breaks[0].evidence["broker_average"],
                "broker_time": row.updated_at.isoformat(),
            },
        )
    ]


def test_a_growth_at_the_very_time_of_the_one_before_is_one() -> None:
    assert told(order(6, 100_000_000, 3), fill("B1@4", 4, 100_000_000, 3)).breaks == []


def test_what_was_a_break_comes_with_the_next_growth() -> None:
    """An average rounded to two decimals falls by more than one share of a thousand adds."""
    known = fill("B1@900", 900, 100_000_000, 1)
    assert [one.kind for one in told(order(901, 99_880_000, 2), known).breaks] == [
        "filled_value_fell"
    ]
    (one,) = told(order(1000, 100_000_000, 3), known).fills
    assert (one.quantity, one.price) == (100, 100_000_000)


def test_a_watermark_is_the_sum_of_an_orders_fills() -> None:
    known = known_of([fill("1", 4, INT64_MAX, 3), fill("2", 6, INT64_MAX, 1)])
    assert watermark(order(1, 1), known) == Watermark(10, 10 * INT64_MAX, at(3))
    assert watermark(order(1, 1, broker_order_id="B2"), known) == Watermark()


def test_known_fills_come_out_of_the_books_frame() -> None:
    micros = (PLACED - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) + 5
    common = ("NSE", "INFY", "", "MIS")
    rows = [
        (7, DAY.toordinal(), "NSE:B1@4:BUY", "B1", *common, 4, 100, micros),
        (7, DAY.toordinal(), "NSE:B2@4:SELL", "B2", *common, -4, 90, micros),
        (8, DAY.toordinal(), "NSE:B1@1:BUY", "B1", *common, 1, 80, micros),
    ]
    moment = PLACED + timedelta(microseconds=5)
    assert known_in(pd.DataFrame(rows, columns=list(FILL_COLUMNS))) == {
        7: {"B1": [KnownFill(DAY, 4, 100, moment)], "B2": [KnownFill(DAY, 4, 90, moment)]},
        8: {"B1": [KnownFill(DAY, 1, 80, moment)]},
    }
