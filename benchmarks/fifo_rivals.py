"""Other ways to match fills first in, first out, each yielding the same books as the kernel.

A plain Python deque, pandas without a Python loop, a loop compiled from C where there is a
compiler, and beancount. `check` refuses to compare figures of books that are not the same.
"""

import ctypes
import functools
import shutil
import subprocess
import tempfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from tradesync_dagster.domain.fifo import Matches

Int64Array = npt.NDArray[np.int64]


@dataclass
class Books:
    """Closed lots in any order across groups, open lots, and P&L of the groups that closed some."""

    buy_row: Int64Array
    sell_row: Int64Array
    quantity: Int64Array
    left: Int64Array
    """Signed units left of each fill."""
    pnl: dict[int, int]


def check(name: str, found: Books, group: Int64Array, expected: Matches) -> None:
    """Compare every lot, every open lot and every group's P&L with the kernel's.

    Raises:
        RuntimeError: They differ.
    """
    order = np.argsort(group[found.buy_row], kind="stable")
    left = np.zeros(group.size, np.int64)
    left[expected.open_row] = expected.open_quantity
    same = (
        np.array_equal(found.buy_row[order], expected.buy_row)
        and np.array_equal(found.sell_row[order], expected.sell_row)
        and np.array_equal(found.quantity[order], expected.quantity)
        and np.array_equal(found.left, left)
        and {key: found.pnl.get(key, 0) for key in expected.realised_pnl} == expected.realised_pnl
    )
    if not same:
        raise RuntimeError(f"the kernel and {name} disagree on the books")


Lot = tuple[int, int, int]
Queues = dict[int, deque[Lot]]


def deque_books(
    group: list[int], quantity: list[int], price: list[int]
) -> tuple[list[Lot], Queues, dict[int, int]]:
    """Match one fill at a time, as a service would without the kernel.

    Returns:
        Closed lots (buy row, sell row, units), queues of (row, units left, price), and P&L.
    """
    queues: Queues = {}
    pnl: dict[int, int] = {}
    lots: list[Lot] = []
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
    return lots, queues, pnl


def books_of_deque(fills: int, found: tuple[list[Lot], Queues, dict[int, int]]) -> Books:
    """Lay the deque's books out as arrays; not part of what is timed."""
    lots, queues, pnl = found
    buy_row, sell_row, quantity = np.array(lots, np.int64).reshape(-1, 3).T
    left = np.zeros(fills, np.int64)
    for queue in queues.values():
        for row, units, _ in queue:
            left[row] = units
    return Books(buy_row, sell_row, quantity, left, pnl)


def pandas_books(group: Int64Array, quantity: Int64Array, price: Int64Array) -> Books:
    """Match with groupby and as-of joins: the units of each side counted, each end looked up."""
    fills = pd.DataFrame({"group": group, "quantity": quantity, "row": np.arange(group.size)})
    sides = {}
    for name, sign in (("buy_row", 1), ("sell_row", -1)):
        side = fills[fills["quantity"] * sign > 0].rename(columns={"row": name})
        side["end"] = side.groupby("group")["quantity"].cumsum() * sign
        sides[name] = side.sort_values("end")[["group", "end", name]]
    ends = pd.concat([side[["group", "end"]] for side in sides.values()])
    lots = ends.drop_duplicates().sort_values("end")
    for side in sides.values():
        lots = pd.merge_asof(lots, side, on="end", by="group", direction="forward").dropna()
    lots = lots.sort_values(["group", "end"]).astype(np.int64)
    lots["units"] = lots.groupby("group")["end"].diff().fillna(lots["end"]).astype(np.int64)
    buy, sell, units = (lots[name].to_numpy() for name in ("buy_row", "sell_row", "units"))
    lots["earned"] = units * (price[sell] - price[buy])
    left = quantity.copy()
    np.subtract.at(left, buy, units)
    np.add.at(left, sell, units)
    return Books(buy, sell, units, left, lots.groupby("group")["earned"].sum().to_dict())


@functools.cache
def compiled_loop() -> ctypes.CDLL | None:
    """Compile the C loop; None where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    source = Path(__file__).with_name("fifo_loop.c")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "fifo_loop.so"
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
        return ctypes.CDLL(str(library))


def loop_books(group: Int64Array, quantity: Int64Array, price: Int64Array) -> Books:
    """Match with the compiled loop; it needs groups numbered without large gaps."""
    loop = compiled_loop()
    if loop is None:
        raise RuntimeError("there is no C compiler here")
    fills, groups = group.size, int(group.max(initial=-1)) + 1
    head, tail, pnl = np.full(groups, -1), np.full(groups, -1), np.zeros(groups, np.int64)
    rest, left, buy, sell, units = (np.empty(fills, np.int64) for _ in range(5))
    arrays = (group, quantity, price, head, tail, rest, left, pnl, buy, sell, units)
    loop.match.restype = ctypes.c_int64
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
    lots = loop.match(ctypes.c_int64(fills), *pointers)
    return Books(buy[:lots], sell[:lots], units[:lots], left, dict(enumerate(pnl.tolist())))
