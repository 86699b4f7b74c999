"""How fast FIFO matching is, beside a plain Python deque on the same fills in the same run."""

import argparse
import time
from collections import deque
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tradesync_dagster.domain.fifo import match

Int64Array = npt.NDArray[np.int64]

_ACCOUNTS, _INSTRUMENTS = 1_000, 50
_KERNEL_ROUNDS = 5
_SEED = 20_240_401


def deque_pnl(group: list[int], quantity: list[int], price: list[int]) -> dict[int, int]:
    """Match one fill at a time and keep each closed lot, as a service would without the kernel."""
    queues: dict[int, deque[tuple[int, int, int]]] = {}
    pnl: dict[int, int] = {}
    lots: list[tuple[int, int, int]] = []
    for row, (key, signed, paid) in enumerate(zip(group, quantity, price, strict=True)):
        left = signed
        queue = queues.get(key)
        if queue is None:
            queue = queues[key] = deque()
            pnl[key] = 0
        while left and queue and (queue[0][1] > 0) != (left > 0):
            other, units, was = queue.popleft()
            if left > 0:
                taken = min(left, -units)
                left, units = left - taken, units + taken
                lots.append((row, other, taken))
                pnl[key] += taken * (was - paid)
            else:
                taken = min(-left, units)
                left, units = left + taken, units - taken
                lots.append((other, row, taken))
                pnl[key] += taken * (paid - was)
            if units:
                queue.appendleft((other, units, was))
        if left:
            queue.append((row, left, paid))
    return pnl


def _books(random: np.random.Generator, fills: int) -> Int64Array:
    """Every (account, instrument) equally busy."""
    return random.integers(0, _ACCOUNTS * _INSTRUMENTS, fills)


def _one(_: np.random.Generator, fills: int) -> Int64Array:
    """One account in one instrument."""
    return np.zeros(fills, np.int64)


def _zipf(random: np.random.Generator, fills: int) -> Int64Array:
    """A few books with most of the fills, as on a real desk."""
    weight = 1 / np.arange(1, _ACCOUNTS * _INSTRUMENTS + 1)
    return random.choice(weight.size, size=fills, p=weight / weight.sum()).astype(np.int64)


_SHAPES: tuple[tuple[str, Callable[[np.random.Generator, int], Int64Array]], ...] = (
    (f"{_ACCOUNTS:,} accounts x {_INSTRUMENTS} instruments", _books),
    ("one instrument", _one),
    ("Zipf-skewed books", _zipf),
)


def _measure(group: Int64Array, quantity: Int64Array, price: Int64Array) -> str:
    """Time both on the same fills, check that they agree, and say how they compare."""
    kernel_seconds = float("inf")
    for _ in range(_KERNEL_ROUNDS):
        began = time.perf_counter()
        matches = match(group, quantity, price)
        kernel_seconds = min(kernel_seconds, time.perf_counter() - began)
    columns = group.tolist(), quantity.tolist(), price.tolist()
    began = time.perf_counter()
    expected = deque_pnl(*columns)
    deque_seconds = time.perf_counter() - began
    if matches.realised_pnl != expected:
        raise RuntimeError("the kernel and the deque disagree on realised P&L")
    fills = group.size
    return (
        f"kernel {fills / kernel_seconds / 1e6:.1f} M fills/s, "
        f"deque {fills / deque_seconds / 1e6:.2f} M fills/s, "
        f"{deque_seconds / kernel_seconds:.0f} times as fast, same P&L"
    )


def run(fills: int = 1_000_000) -> list[tuple[str, str]]:
    """Measure each shape of book.

    Args:
        fills: How many fills each shape has; at least 1.

    Returns:
        A name and a sentence of figures for each; the kernel's are its best of five rounds, the
        deque's are one round, lists made beforehand.

    Raises:
        RuntimeError: The two disagree on realised P&L.
    """
    random = np.random.default_rng(_SEED)
    side = random.choice(np.array([-1, 1]), fills)
    quantity = random.integers(1, 101, fills) * side
    price = random.integers(1_000_000, 100_000_000, fills)
    return [
        (f"FIFO, {fills:,} fills, {name}", _measure(groups(random, fills), quantity, price))
        for name, groups in _SHAPES
    ]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fills", type=int, default=1_000_000, help="fills in each shape of book")
    fills: int = parser.parse_args().fills
    if fills < 1:
        parser.error("--fills must be at least 1")
    for name, figures in run(fills):
        print(f"{name}: {figures}")


if __name__ == "__main__":
    main()
