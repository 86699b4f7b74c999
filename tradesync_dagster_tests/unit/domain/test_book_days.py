"""Lots over time and queues' days, by example."""

from typing import Any

import numpy as np
import pytest

from tradesync_dagster.domain.book_days import STILL_OPEN, Entries, close_days

Row = tuple[int, int, int, int]
"""Queue, day, quantity, price."""
Rows = list[tuple[Any, ...]]


def close(*rows: Row, nets: bool = False) -> tuple[Rows, Rows]:
    """Close the books; return spans (entry, from, to, quantity) and days without their entry."""
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    entries = Entries(*(np.array(column, np.int64) for column in columns))
    queues = int(entries.queue.max(initial=-1)) + 1
    spans, days = close_days(entries, np.full(queues, nets))
    parts = (spans.entry, spans.held_from, spans.held_to, spans.quantity)
    assert all(part.dtype == np.int64 for part in parts)
    found = (days.queue, days.day, days.quantity, days.cost, days.realised, days.wins, days.losses)
    return (
        list(zip(*(part.tolist() for part in parts), strict=True)),
        list(zip(*(part.tolist() for part in found), strict=True)),
    )


@pytest.mark.parametrize("nets", [False, True])
def test_nothing_makes_nothing(nets: bool) -> None:
    assert close(nets=nets) == ([], [])


def test_a_lot_has_one_span_for_each_quantity_it_had_overnight() -> None:
    spans, days = close((0, 1, 10, 100), (0, 2, -4, 110), (0, 4, -6, 90))
    assert spans == [(0, 1, 2, 10), (0, 2, 4, 6)]
    assert days == [
        (0, 1, 10, 1000, 0, 0, 0),
        (0, 2, 6, 600, 40, 1, 0),
        (0, 4, 0, 0, -60, 0, 1),
    ]


def test_what_stays_open_has_no_end() -> None:
    spans, days = close((0, 1, 10, 100), (0, 3, -4, 100))
    assert spans == [(0, 1, 3, 10), (0, 3, STILL_OPEN, 6)]
    assert days[-1] == (0, 3, 6, 600, 0, 0, 0), "a lot closed at cost neither won nor lost"


def test_a_lot_closed_on_its_own_day_was_never_held() -> None:
    spans, days = close((0, 1, 10, 100), (0, 1, -10, 105))
    assert spans == []
    assert days == [(0, 1, 0, 0, 50, 1, 0)]


def test_a_lot_reduced_on_its_own_day_is_held_with_what_is_left() -> None:
    spans, _ = close((0, 1, 10, 100), (0, 1, -4, 105), (0, 2, -1, 105))
    assert spans == [(0, 1, 2, 6), (0, 2, STILL_OPEN, 5)]


def test_several_sales_on_one_day_cut_a_lot_once() -> None:
    spans, days = close((0, 1, 10, 100), (0, 2, -3, 90), (0, 2, -3, 120), (0, 2, -1, 130))
    assert spans == [(0, 1, 2, 10), (0, 2, STILL_OPEN, 3)]
    assert days[1] == (0, 2, 3, 300, -30 + 60 + 30, 2, 1)


def test_one_sale_ends_several_lots() -> None:
    spans, days = close((0, 1, 2, 10), (0, 2, 3, 20), (0, 3, 5, 30), (0, 5, -6, 25))
    assert spans == [
        (0, 1, 5, 2),
        (1, 2, 5, 3),
        (2, 3, 5, 5),
        (2, 5, STILL_OPEN, 4),
    ]
    assert days[-1] == (0, 5, 4, 120, 30 + 15 - 5, 2, 1)


def test_a_flip_through_zero_ends_a_long_lot_and_opens_a_short_one() -> None:
    spans, days = close((0, 1, 10, 100), (0, 2, -15, 110), (0, 3, 5, 100))
    assert spans == [(0, 1, 2, 10), (1, 2, 3, -5)]
    assert [day[2:5] for day in days] == [(10, 1000, 0), (-5, -550, 100), (0, 0, 50)]


def test_a_day_that_nets_pairs_within_itself_before_older_lots() -> None:
    rows = ((0, 1, 10, 100), (0, 2, -6, 130), (0, 2, 4, 120))
    spans, days = close(*rows, nets=True)
    assert spans == [(0, 1, 2, 10), (0, 2, STILL_OPEN, 8)]
    assert days[1] == (0, 2, 8, 800, 4 * 10 + 2 * 30, 2, 0)
    spans, days = close(*rows, nets=False)
    assert spans == [(0, 1, 2, 10), (0, 2, STILL_OPEN, 4), (2, 2, STILL_OPEN, 4)]
    assert days[1] == (0, 2, 8, 880, 6 * 30, 1, 0)


def test_only_queues_that_net_do() -> None:
    rows = [(queue, *row) for queue in (0, 1) for row in ((1, 1, 10), (2, -1, 30), (2, 1, 20))]
    columns = [np.array(column, np.int64) for column in zip(*rows, strict=True)]
    _, days = close_days(Entries(*columns), np.array([True, False]))
    assert days.realised.tolist() == [0, 10, 0, 20]


def test_queues_keep_their_own_lots_and_days() -> None:
    spans, days = close((0, 1, 5, 10), (0, 9, -5, 12), (1, 2, -5, 10), (2, 9, 5, 1))
    assert spans == [(0, 1, 9, 5), (2, 2, STILL_OPEN, -5), (3, 9, STILL_OPEN, 5)]
    assert [day[:5] for day in days] == [
        (0, 1, 5, 50, 0),
        (0, 9, 0, 0, 10),
        (1, 2, -5, -50, 0),
        (2, 9, 5, 5, 0),
    ]


def test_a_day_names_its_last_entry() -> None:
    columns = [np.array(c, np.int64) for c in ([0, 0, 0], [1, 1, 2], [1, 1, 1], [1, 1, 1])]
    _, days = close_days(Entries(*columns), np.array([False]))
    assert days.entry.tolist() == [1, 2]


@pytest.mark.parametrize("nets", [False, True])
def test_products_beyond_64_bits_stay_exact(nets: bool) -> None:
    quantity, price = 3 * 10**12, 9 * 10**12 + 1
    spans, days = close(
        (0, 1, quantity, price), (0, 2, -quantity + 1, 1), (1, 1, 7, 3), (1, 2, -7, 4), nets=nets
    )
    assert spans[1] == (0, 2, STILL_OPEN, 1)
    assert days == [
        (0, 1, quantity, quantity * price, 0, 0, 0),
        (0, 2, 1, price, -(quantity - 1) * (price - 1), 0, 1),
        (1, 1, 7, 21, 0, 0, 0),
        (1, 2, 0, 0, 7, 1, 0),
    ]
    assert quantity * price > 2**64


def test_a_difference_of_prices_beyond_64_bits_stays_exact() -> None:
    _, days = close((0, 1, 1, -(2**62) - 5), (0, 2, -1, 2**62 + 5))
    assert days[1] == (0, 2, 0, 0, 2**63 + 10, 1, 0)


def test_sums_beyond_64_bits_of_terms_within_them_stay_exact() -> None:
    rows = [(0, day, 1, 2**62 - 1) for day in range(1, 6)]
    _, days = close(*rows)
    assert [day[3] for day in days] == [n * (2**62 - 1) for n in range(1, 6)]


def test_quantities_up_to_the_limit_are_held_whole() -> None:
    spans, _ = close((0, 1, 2**62, 1), (0, 2, 2**62 - 1, 1), (0, 3, -(2**62) - 1, 1))
    assert spans == [
        (0, 1, 3, 2**62),
        (1, 2, 3, 2**62 - 1),
        (1, 3, STILL_OPEN, 2**62 - 2),
    ]
