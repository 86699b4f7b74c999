"""FIFO matching against a queue of Python integers that is plainly right."""

from collections import defaultdict, deque
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tradesync_dagster.domain.fifo import Matches, match

Fill = tuple[int, int, int]
"""Group, signed quantity, price."""
Lot = tuple[int, int, int]
"""Buy row, sell row, units."""


@dataclass
class Books:
    lots: dict[int, list[Lot]] = field(default_factory=lambda: defaultdict(list))
    left: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    pnl: dict[int, int] = field(default_factory=dict)


def oracle(fills: list[Fill]) -> Books:
    """Work one fill at a time through a queue a group."""
    books = Books()
    queues: dict[int, deque[tuple[int, int]]] = defaultdict(deque)
    for row, (group, quantity, _) in enumerate(fills):
        if quantity == 0:
            continue
        books.pnl.setdefault(group, 0)
        queue, left = queues[group], quantity
        while left and queue and (queue[0][1] > 0) != (left > 0):
            other, units = queue.popleft()
            taken = min(abs(left), abs(units))
            buy, sell = (row, other) if left > 0 else (other, row)
            books.lots[group].append((buy, sell, taken))
            books.pnl[group] += taken * (fills[sell][2] - fills[buy][2])
            left -= taken if left > 0 else -taken
            units -= taken if units > 0 else -taken
            if units:
                queue.appendleft((other, units))
        if left:
            queue.append((row, left))
    books.left = {group: list(queue) for group, queue in queues.items() if queue}
    return books


def kernel(fills: list[Fill]) -> Matches:
    columns = np.array(fills, dtype=np.int64).reshape(-1, 3)
    return match(columns[:, 0], columns[:, 1], columns[:, 2])


def books_of(fills: list[Fill], got: Matches) -> Books:
    """Spread a result over its groups, keeping its order."""
    books = Books(pnl=got.realised_pnl)
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


@given(USUAL | HUGE)
def test_books_equal_the_oracle(fills: list[Fill]) -> None:
    got = kernel(fills)
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


@given(USUAL | HUGE)
def test_every_unit_is_closed_or_open_once(fills: list[Fill]) -> None:
    got = kernel(fills)
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


@given(USUAL | HUGE)
def test_lots_and_open_rows_ascend_by_group(fills: list[Fill]) -> None:
    got = kernel(fills)
    for rows in (got.buy_row, got.sell_row, got.open_row):
        groups = [fills[row][0] for row in rows.tolist()]
        assert groups == sorted(groups)
    assert list(got.realised_pnl) == sorted(got.realised_pnl)


@given(USUAL | HUGE, st.data())
def test_open_lots_and_new_fills_equal_a_full_rebuild(
    fills: list[Fill], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(fills)))
    full, before = kernel(fills), kernel(fills[:cut])
    carried = before.open_row.tolist()
    again = [
        (fills[row][0], left, fills[row][2])
        for row, left in zip(carried, before.open_quantity.tolist(), strict=True)
    ] + fills[cut:]
    origin = carried + list(range(cut, len(fills)))
    after = kernel(again)

    pnl = dict(before.realised_pnl)
    for group, value in after.realised_pnl.items():
        pnl[group] = pnl.get(group, 0) + value
    assert pnl == full.realised_pnl
    assert [origin[row] for row in after.open_row.tolist()] == full.open_row.tolist()
    assert after.open_quantity.tolist() == full.open_quantity.tolist()

    # A lot half closed before the cut may be two rows of one pair, so pairs are added up.
    def by_pair(parts: list[tuple[Matches, list[int]]]) -> dict[tuple[int, int], int]:
        total: dict[tuple[int, int], int] = defaultdict(int)
        for got, rows in parts:
            for buy, sell, units in zip(
                got.buy_row.tolist(), got.sell_row.tolist(), got.quantity.tolist(), strict=True
            ):
                total[rows[buy], rows[sell]] += units
        return total

    whole = list(range(len(fills)))
    assert by_pair([(before, whole), (after, origin)]) == by_pair([(full, whole)])
