"""How fast FIFO matching is, beside other ways to do it, on the same fills in the same run.

Every rival must come to the same closed lots, open lots and P&L, or there are no figures. Each is
timed on one core, best of a few rounds, on what it likes best: lists for the deque, arrays for the
kernel, pandas and the compiled loop, ready-made entries for beancount. The compiled loop leaves its
lots in the order of the fills, where the kernel brings them together by group.
"""

import argparse
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from benchmarks import fifo_rivals as rivals
from tradesync_dagster.domain.fifo import Matches, match
from tradesync_dagster_tests.support import beancount_books as beancount

Int64Array = npt.NDArray[np.int64]
Fills = tuple[Int64Array, Int64Array, Int64Array]
"""Group, signed quantity, price."""
T = TypeVar("T")

SIZES = (100_000, 1_000_000, 10_000_000)
_MOST_FOR_PYTHON = 1_000_000
"""Above this, the deque and pandas are left out: they would take minutes and gigabytes."""
_BEANCOUNT_FILLS = 4_000
_MOST_TO_TRACE = 100_000
"""Tracing slows the deque down tenfold, and its memory a fill does not change with size."""
_ACCOUNTS, _INSTRUMENTS = 1_000, 50
_SEED = 20_240_401


def _books(random: np.random.Generator, fills: int, books: int) -> Int64Array:
    """Every (account, instrument) equally busy."""
    return random.integers(0, books, fills)


def _one(_: np.random.Generator, fills: int, __: int) -> Int64Array:
    """One account in one instrument."""
    return np.zeros(fills, np.int64)


def _zipf(random: np.random.Generator, fills: int, books: int) -> Int64Array:
    """A few books with most of the fills, as on a real desk."""
    reach = np.cumsum(1 / np.arange(1, books + 1))
    return np.searchsorted(reach, random.random(fills) * reach[-1])


_SHAPES: tuple[tuple[str, Callable[[np.random.Generator, int, int], Int64Array]], ...] = (
    (f"{_ACCOUNTS:,} accounts x {_INSTRUMENTS} instruments", _books),
    ("one instrument", _one),
    ("Zipf-skewed books", _zipf),
)


def _fills(groups: Callable[[np.random.Generator, int, int], Int64Array], fills: int) -> Fills:
    """Make fills; a sample smaller than all sizes gets fewer books, as busy as those of 1e6."""
    random = np.random.default_rng(_SEED)
    books = _ACCOUNTS * _INSTRUMENTS
    if fills < min(SIZES):
        books = max(1, books * fills // 1_000_000)
    quantity = random.integers(1, 101, fills) * random.choice(np.array([-1, 1]), fills)
    return groups(random, fills, books), quantity, random.integers(1_000_000, 100_000_000, fills)


def _best(rounds: int, run: Callable[[], T]) -> tuple[float, T]:
    """Return the shortest time of a few rounds, and what the last one yielded."""
    shortest = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        result = run()
        shortest = min(shortest, time.perf_counter() - began)
    return shortest, result


def _rivals(fills: Fills, expected: Matches) -> Iterator[tuple[str, float]]:
    """Time each rival that can take so many fills, and check its books."""
    group, _, _ = fills
    if rivals.compiled_loop() is not None:
        seconds, books = _best(3, lambda: rivals.loop_books(*fills))
        rivals.check("the compiled loop", books, group, expected)
        yield "compiled loop", seconds
    if group.size > _MOST_FOR_PYTHON:
        return
    group_list, quantity_list, price_list = (column.tolist() for column in fills)
    seconds, found = _best(2, lambda: rivals.deque_books(group_list, quantity_list, price_list))
    rivals.check("the deque", rivals.books_of_deque(group.size, found), group, expected)
    del found
    yield "deque", seconds
    seconds, books = _best(2, lambda: rivals.pandas_books(*fills))
    rivals.check("pandas", books, group, expected)
    yield "pandas", seconds


def _speed(fills: Fills) -> str:
    """Time the kernel and its rivals on the same fills."""
    size = fills[0].size
    seconds, expected = _best(7 if size <= _MOST_FOR_PYTHON else 3, lambda: match(*fills))
    said = [f"kernel {size / seconds / 1e6:.1f} M fills/s"]
    said += [
        f"{name} {size / theirs / 1e6:.2f} ({theirs / seconds:.1f}x)"
        for name, theirs in _rivals(fills, expected)
    ]
    return ", ".join(said)


def _beside_beancount(fills: Fills) -> str:
    """Time the kernel and beancount on the same few fills, and check beancount's books."""
    rows = list(zip(*(column.tolist() for column in fills), strict=True))
    seconds, expected = _best(20, lambda: match(*fills))
    entries = list(beancount.transactions(rows))
    theirs, booked = _best(1, lambda: beancount.book(entries))
    books = beancount.books_of(rows, booked)
    left = dict(zip(expected.open_row.tolist(), expected.open_quantity.tolist(), strict=True))
    lots = np.column_stack((expected.buy_row, expected.sell_row, expected.quantity)).tolist()
    pairs = {(min(buy, sell), max(buy, sell)): units for buy, sell, units in lots}
    if (books.lots, books.left, books.pnl) != (pairs, left, expected.realised_pnl):
        raise RuntimeError("the kernel and beancount disagree on the books")
    return (
        f"kernel {len(rows) / seconds / 1e6:.1f} M fills/s, "
        f"beancount {len(rows) / theirs / 1e6:.4f} ({theirs / seconds:,.0f}x)"
    )


def _peak(run: Callable[[], object], fills: int) -> float:
    """Return the most bytes a fill that a call held at once, what it returns included."""
    tracemalloc.start()
    kept = run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del kept
    return peak / fills


def _memory(fills: Fills) -> str:
    """Trace the kernel on all the fills, and its rivals on as many as they can take."""
    size = fills[0].size
    few = [column[:_MOST_TO_TRACE] for column in fills]
    group, quantity, price = (column.tolist() for column in few)
    deque_peak = _peak(lambda: rivals.deque_books(group, quantity, price), len(group))
    pandas_peak = _peak(lambda: rivals.pandas_books(*few), len(group))
    return (
        f"kernel {_peak(lambda: match(*fills), size):.0f} bytes a fill, "
        f"deque {deque_peak:.0f} and pandas {pandas_peak:.0f} (at {len(group):,} fills)"
    )


def run(sizes: tuple[int, ...] = SIZES) -> Iterator[tuple[str, str]]:
    """Measure each size in each shape of book.

    Args:
        sizes: How many fills; each at least 1.

    Yields:
        What was measured, and a sentence of figures: "(20x)" means 20 times the kernel's time.

    Raises:
        RuntimeError: Two engines disagree on the books.
    """
    if rivals.compiled_loop() is None:
        yield "FIFO, compiled loop", "left out, there is no C compiler (cc) here"
    for name, groups in _SHAPES:
        for size in sizes:
            yield f"FIFO, {size:,} fills, {name}", _speed(_fills(groups, size))
        sample = _fills(groups, _BEANCOUNT_FILLS)
        yield f"FIFO, {_BEANCOUNT_FILLS:,} fills, {name}", _beside_beancount(sample)
        size = max(sizes)
        yield f"FIFO, peak memory, {size:,} fills, {name}", _memory(_fills(groups, size))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fills", type=int, nargs="+", default=SIZES, help="fills of each round")
    sizes: tuple[int, ...] = tuple(parser.parse_args().fills)
    if min(sizes) < 1:
        parser.error("--fills must be at least 1")
    for name, figures in run(sizes):
        print(f"{name}: {figures}", flush=True)


if __name__ == "__main__":
    main()
