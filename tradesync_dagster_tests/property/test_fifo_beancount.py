"""FIFO matching against beancount, which books the same fills by double entry.

Beancount is written by others, for accountants, in another way (one posting at a time, decimals,
an inventory of lots), so that a mistake made here is not made there as well.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradesync_dagster.domain import fifo
from tradesync_dagster.domain.fifo import match
from tradesync_dagster_tests.support.beancount_books import BeancountBooks, Fill, beancount_books

FILLS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(-9, 9) | st.integers(-(10**9), 10**9),
        st.integers(0, 5) | st.integers(0, 10**12),
    ),
    max_size=40,
)


def kernel_books(fills: list[Fill]) -> BeancountBooks:
    """The kernel's books, told as beancount tells them."""
    columns = np.array(fills, dtype=np.int64).reshape(-1, 3)
    got = match(columns[:, 0], columns[:, 1], columns[:, 2])
    lots = zip(got.buy_row.tolist(), got.sell_row.tolist(), got.quantity.tolist(), strict=True)
    return BeancountBooks(
        lots={(min(buy, sell), max(buy, sell)): units for buy, sell, units in lots},
        left=dict(zip(got.open_row.tolist(), got.open_quantity.tolist(), strict=True)),
        pnl=got.realised_pnl,
    )


def long_stream(seed: int, fills: int) -> list[Fill]:
    """Fills of a few instruments that drift long and then short: few prices, or huge values."""
    random = np.random.default_rng(seed)
    group = random.integers(0, 4, fills)
    drift = np.where(np.arange(fills) < fills / 2, 0.6, 0.4)
    quantity = random.integers(1, 2 ** int(random.integers(3, 32)), fills)
    quantity *= np.where(random.random(fills) < drift, 1, -1)
    price = random.integers(1, 2 ** int(random.integers(3, 40)), fills)
    return list(zip(group.tolist(), quantity.tolist(), price.tolist(), strict=True))


@settings(deadline=None)
@given(FILLS)
def test_any_fills_make_the_same_books(fills: list[Fill]) -> None:
    assert kernel_books(fills) == beancount_books(fills)


def test_long_streams_make_the_same_books(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fifo, "_BLOCK", 50)  # so that groups lie across many blocks
    shorts = flips = largest = 0
    for seed in range(20):
        fills = long_stream(seed, 600)
        ours, theirs = kernel_books(fills), beancount_books(fills)
        assert ours == theirs
        opened, closed = ({pair[end] for pair in theirs.lots} for end in (0, 1))
        shorts += sum(fills[row][1] < 0 for row in opened)
        flips += len(opened & closed)
        largest = max(largest, *map(abs, theirs.pnl.values()))
    assert shorts > 100
    assert flips > 100
    assert largest > 2**64
