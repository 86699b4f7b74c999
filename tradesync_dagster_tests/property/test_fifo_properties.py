"""FIFO matching against a queue of fractions that is plainly right.

The kernel works on blocks of many fills. Here blocks are of a few, so that groups lie across them.
"""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from fractions import Fraction
from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tradesync_dagster.domain import fifo
from tradesync_dagster.domain.fifo import Matches, match
from tradesync_dagster.domain.money import PRICE_UNIT

Fill = tuple[int, int, int]
"""Group, signed quantity, price."""
Lot = tuple[int, int, int]
"""Buy row, sell row, units."""


@dataclass
class Books:
    lots: dict[int, list[Lot]] = field(default_factory=lambda: defaultdict(list))
    left: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    pnl: dict[int, Fraction] = field(default_factory=dict)
    """In rupees."""


def oracle(fills: list[Fill]) -> Books:
    """Work one fill at a time, at its price in rupees, through a queue a group."""
    books = Books()
    queues: dict[int, deque[tuple[int, int]]] = defaultdict(deque)
    rupees = [Fraction(price, PRICE_UNIT) for _, _, price in fills]
    for row, (group, quantity, _) in enumerate(fills):
        if quantity == 0:
            continue
        books.pnl.setdefault(group, Fraction(0))
        queue, left = queues[group], quantity
        while left and queue and (queue[0][1] > 0) != (left > 0):
            other, units = queue.popleft()
            taken = min(abs(left), abs(units))
            buy, sell = (row, other) if left > 0 else (other, row)
            books.lots[group].append((buy, sell, taken))
            books.pnl[group] += taken * (rupees[sell] - rupees[buy])
            left -= taken if left > 0 else -taken
            units -= taken if units > 0 else -taken
            if units:
                queue.appendleft((other, units))
        if left:
            queue.append((row, left))
    books.left = {group: list(queue) for group, queue in queues.items() if queue}
    return books


def kernel(fills: list[Fill], block: int = 2**16) -> Matches:
    columns = np.array(fills, dtype=np.int64).reshape(-1, 3)
    with patch.object(fifo, "_BLOCK", block):
        return match(columns[:, 0], columns[:, 1], columns[:, 2])


def in_rupees(pnl: dict[int, int]) -> dict[int, Fraction]:
    return {group: Fraction(value, PRICE_UNIT) for group, value in pnl.items()}


def books_of(fills: list[Fill], got: Matches) -> Books:
    """Spread a result over its groups, keeping its order."""
    books = Books(pnl=in_rupees(got.realised_pnl))
    rows = (got.buy_row.tolist(), got.sell_row.tolist(), got.quantity.tolist())
    for buy, sell, units in zip(*rows, strict=True):
        books.lots[fills[buy][0]].append((buy, sell, units))
    left: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for row, units in zip(got.open_row.tolist(), got.open_quantity.tolist(), strict=True):
        left[fills[row][0]].append((row, units))
    books.left = left
    return books


def fills_of(
    groups: st.SearchStrategy[int],
    quantities: st.SearchStrategy[int],
    prices: st.SearchStrategy[int],
) -> st.SearchStrategy[list[Fill]]:
    return st.lists(st.tuples(groups, quantities, prices), max_size=60)


FEW_GROUPS = st.integers(0, 3)
ANY_GROUP = FEW_GROUPS | st.sampled_from([65_535, 65_536, 65_537, 2**32 - 1, 2**32, 2**62])
ANY_PRICE = st.integers(-(2**63), 2**63 - 1)
USUAL = fills_of(FEW_GROUPS, st.integers(-9, 9), st.integers(-50, 200))
HUGE = fills_of(
    ANY_GROUP,
    st.integers(-9, 9) | st.integers(-(2**57), 2**57) | st.sampled_from([2**57, -(2**57)]),
    ANY_PRICE | st.sampled_from([2**63 - 1, -(2**63), 2**62, 0]),
)
BLOCKS = st.integers(1, 20) | st.just(2**16)
"""New fills the kernel takes at once."""


@given(USUAL | HUGE, BLOCKS)
def test_books_equal_the_oracle(fills: list[Fill], block: int) -> None:
    got = kernel(fills, block)
    expected, found = oracle(fills), books_of(fills, got)
    assert found.pnl == expected.pnl
    assert found.left == expected.left
    # The order of lots within a group, the order they closed in, is part of the promise.
    assert found.lots == expected.lots


@given(HUGE)
def test_pnl_is_the_sum_over_the_pairs(fills: list[Fill]) -> None:
    got = kernel(fills)
    pnl = {group: 0 for group, quantity, _ in fills if quantity}
    for group, lots in books_of(fills, got).lots.items():
        pnl[group] = sum(units * (fills[sell][2] - fills[buy][2]) for buy, sell, units in lots)
    assert got.realised_pnl == pnl


@given(USUAL | HUGE, BLOCKS)
def test_every_unit_is_closed_or_open_once(fills: list[Fill], block: int) -> None:
    got = kernel(fills, block)
    units = [0] * len(fills)
    for buy, sell, taken in zip(
        got.buy_row.tolist(), got.sell_row.tolist(), got.quantity.tolist(), strict=True
    ):
        assert taken > 0
        units[buy] += taken
        units[sell] -= taken
    for row, left in zip(got.open_row.tolist(), got.open_quantity.tolist(), strict=True):
        assert left != 0
        units[row] += left
    assert units == [quantity for _, quantity, _ in fills]


@given(USUAL | HUGE, BLOCKS)
def test_lots_and_open_rows_ascend_by_group(fills: list[Fill], block: int) -> None:
    got = kernel(fills, block)
    for rows in (got.buy_row, got.sell_row, got.open_row):
        groups = [fills[row][0] for row in rows.tolist()]
        assert groups == sorted(groups)
    assert list(got.realised_pnl) == sorted(got.realised_pnl)


def in_line(fills: list[Fill], got: Matches) -> dict[int, list[tuple[int, int, int]]]:
    """Name each lot by its group's n-th buy and n-th sell; list a group's lots down the line."""
    nth: list[int] = []
    seen: dict[tuple[int, bool], int] = defaultdict(int)
    for group, quantity, _ in fills:
        nth.append(seen[group, quantity > 0])
        seen[group, quantity > 0] += bool(quantity)
    lots: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for group, pairs in books_of(fills, got).lots.items():
        lots[group] = [(nth[buy], nth[sell], units) for buy, sell, units in pairs]
    return lots


@given(USUAL | HUGE, st.data(), BLOCKS)
def test_any_interleaving_of_buys_and_sells_pairs_the_same(
    fills: list[Fill], data: st.DataObject, block: int
) -> None:
    # Shuffle where buys and sells of all groups stand, and keep the order within each side.
    places = [(group, quantity > 0) for group, quantity, _ in fills]
    order = data.draw(st.permutations(places))
    lines = {place: deque() for place in places}
    for place, fill in zip(places, fills, strict=True):
        lines[place].append(fill)
    other = [lines[place].popleft() for place in order]

    one, two = kernel(fills), kernel(other, block)
    assert in_line(fills, one) == in_line(other, two)
    assert one.realised_pnl == two.realised_pnl
    assert [
        (fills[row], left)
        for row, left in zip(one.open_row.tolist(), one.open_quantity.tolist(), strict=True)
    ] == [
        (other[row], left)
        for row, left in zip(two.open_row.tolist(), two.open_quantity.tolist(), strict=True)
    ]


@given(USUAL | HUGE, st.lists(st.integers(0, 60), max_size=6), BLOCKS)
def test_feeding_batches_equals_a_full_rebuild_after_each(
    fills: list[Fill], cuts: list[int], block: int
) -> None:
    """Each batch is the open lots so far, at their own prices, and the new fills behind them."""
    pnl: dict[int, int] = defaultdict(int)
    lots: dict[int, list[Lot]] = defaultdict(list)
    opened: list[tuple[int, int]] = []
    begin = 0
    for end in sorted({*(min(cut, len(fills)) for cut in cuts), len(fills)}):
        origin = [row for row, _ in opened] + list(range(begin, end))
        batch = [(fills[row][0], left, fills[row][2]) for row, left in opened] + fills[begin:end]
        got = kernel(batch, block)
        for group, value in got.realised_pnl.items():
            pnl[group] += value
        for group, pairs in books_of(batch, got).lots.items():
            lots[group] += [(origin[buy], origin[sell], units) for buy, sell, units in pairs]
        opened = [
            (origin[row], left)
            for row, left in zip(got.open_row.tolist(), got.open_quantity.tolist(), strict=True)
        ]
        begin = end

        full = kernel(fills[:end])
        assert pnl == full.realised_pnl
        assert lots == books_of(fills[:end], full).lots
        assert opened == list(zip(full.open_row.tolist(), full.open_quantity.tolist(), strict=True))
