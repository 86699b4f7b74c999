"""First-in-first-out matching of fills into closed lots, and their realised P&L.

Here belongs the arithmetic of one netted queue per group: which bought unit pairs with which sold
unit, what the pairs earned, and what stays open. It works on integers only and on all groups at
once.

Here does not belong: what a group is (account, instrument, product), how fills are ordered in time,
which exchange's rules net a day first, charges and taxes, names or dates. The caller hands over
rows already in FIFO order; nothing is read, stored or logged.

Lay the units a group bought along a line, in order, and the units it sold along another: unit n of
the one pairs with unit n of the other, as far as the shorter line reaches. A closed lot is a
stretch between two neighbouring lot ends, of either line. Laying the groups one behind the other
makes that a single merge of two ascending arrays, with no loop over fills.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]

_INT64_MIN: Final = -(2**63)
_INT64_MAX: Final = 2**63 - 1
_TRUSTED_GROSS: Final = 2.0**115
"""Gross value times number of terms below which a float64 sum is within 2^63 of the truth."""


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Closed lots, open lots and realised P&L; rows are indices into the arrays given to `match`.

    Attributes:
        buy_row: Shape (lots,); the row of the buy, whether it opened or closed the lot.
        sell_row: Shape (lots,); the row of the sell.
        quantity: Shape (lots,); units closed, above zero. Lots ascend by group and stand in the
            order they closed within each group.
        open_row: Shape (open,); rows with units left, ascending by group, FIFO order within each.
        open_quantity: Shape (open,); units left of that row, signed: + long, - short. One group
            never has both signs.
        realised_pnl: Group to realised P&L in quantity units times price units, before charges;
            exact whatever its size. Every group with a nonzero fill has an entry.
    """

    buy_row: Int64Array
    sell_row: Int64Array
    quantity: Int64Array
    open_row: Int64Array
    open_quantity: Int64Array
    realised_pnl: dict[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class _Fills:
    """Nonzero fills, ascending by group and in FIFO order within each."""

    row: Int64Array | None  # the caller's row of each fill; None when nothing was moved or dropped
    quantity: Int64Array
    price: Int64Array
    start: Int64Array  # where each group begins
    group: Int64Array  # the id of each group

    def rows(self, at: Int64Array) -> Int64Array:
        """Return the caller's rows of the fills standing at `at`."""
        return at if self.row is None else _pick(self.row, at)


def match(group: Int64Array, quantity: Int64Array, price: Int64Array) -> Matches:
    """Match fills first in, first out, on one netted queue per group.

    The n-th unit bought pairs with the n-th unit sold, whichever came first, so longs, shorts,
    partial closes and flips through zero need no special case. Feeding the open lots of an
    earlier call (their signed open quantity at their own price) ahead of new fills gives the same
    books as feeding everything again.

    Args:
        group: Shape (fills,); any ids from 0 up, in any interleaving.
        quantity: Shape (fills,); + buy, - sell, in whole quantity units. Zeros are ignored.
        price: Shape (fills,); price units per quantity unit, of any sign.

    Returns:
        The closed lots, the open lots and the realised P&L of each group.

    Raises:
        TypeError: An argument is not a NumPy array of native int64.
        ValueError: The arrays are not one-dimensional or differ in length, a group is negative, or
            all that was bought (or sold) comes to 2^63 units or more.
    """
    _check(group, quantity, price)
    fills = _arrange(group, quantity, price)
    if fills.group.size == 0:
        no = np.empty((5, 0), np.int64)
        return Matches(no[0], no[1], no[2], no[3], no[4], {})
    total_bought = np.add.reduceat(np.maximum(fills.quantity, 0), fills.start)
    total_sold = total_bought - np.add.reduceat(fills.quantity, fills.start)
    line = np.minimum(total_bought, total_sold)
    closed = np.zeros_like(fills.quantity)
    buy_at, buy_end = _lot_ends(fills, 1, total_bought, line, closed)
    sell_at, sell_end = _lot_ends(fills, -1, total_sold, line, closed)
    pnl = _realised(closed, fills.price, fills.start, int(line.max()))
    np.subtract(fills.quantity, closed, out=closed)
    open_at = np.flatnonzero(closed)
    open_quantity = _pick(closed, open_at)
    del closed
    buy_lot, sell_lot, lots = _merge(buy_end, sell_end)
    return Matches(
        buy_row=_pick(fills.rows(buy_at), buy_lot),
        sell_row=_pick(fills.rows(sell_at), sell_lot),
        quantity=lots,
        open_row=fills.rows(open_at),
        open_quantity=open_quantity,
        realised_pnl=dict(zip(fills.group.tolist(), pnl, strict=True)),
    )


def _pick(values: Int64Array, at: Int64Array) -> Int64Array:
    """Return `values[at]`; every index is in range, so the bounds check is left out for speed."""
    return values.take(at, mode="clip")


def _check(group: Int64Array, quantity: Int64Array, price: Int64Array) -> None:
    """Refuse what would be matched wrongly: other types, shapes, ids, or too many units."""
    for name, values in (("group", group), ("quantity", quantity), ("price", price)):
        if not isinstance(values, np.ndarray) or values.dtype != np.int64:
            found = values.dtype if isinstance(values, np.ndarray) else type(values).__name__
            raise TypeError(
                f"{name} must be a NumPy array of int64, not {found}: "
                "convert to whole units first (money is never a float here)"
            )
        if values.ndim != 1:
            raise ValueError(
                f"{name} must be one-dimensional, not of shape {values.shape}: pass one a fill"
            )
    if not group.size == quantity.size == price.size:
        raise ValueError(
            f"group, quantity and price must be equally long, not {group.size}, {quantity.size} "
            f"and {price.size}: pass one value of each a fill"
        )
    if group.size and int(group.min()) < 0:
        raise ValueError(
            f"group must not be negative, and row {int(group.argmin())} is {int(group.min())}: "
            "number the groups from 0 up"
        )
    _check_total(quantity)


def _check_total(quantity: Int64Array) -> None:
    """Refuse quantities whose running total on either side could leave int64."""
    if quantity.size == 0:
        return
    largest = max(int(quantity.max()), -int(quantity.min()))
    if largest * quantity.size <= _INT64_MAX:
        return
    for side, units in (
        ("bought", _exact_sum(np.maximum(quantity, 0))),
        ("sold", -_exact_sum(np.minimum(quantity, 0))),
    ):
        if units > _INT64_MAX:
            raise ValueError(
                f"the quantities {side} add up to {units}, past the {_INT64_MAX} units one call "
                "can count: match fewer groups a call, or use a coarser quantity unit"
            )


def _exact_sum(values: Int64Array) -> int:
    """Return the exact sum, by halves of 32 bits (sound below 2^31 values)."""
    high = int(np.sum(values >> 32))
    low = int(np.sum(values & 0xFFFFFFFF))
    return (high << 32) + low


def _arrange(group: Int64Array, quantity: Int64Array, price: Int64Array) -> _Fills:
    """Drop zero quantities and bring the fills of each group together, keeping their order."""
    row: Int64Array | None = None
    if np.count_nonzero(quantity) != quantity.size:
        row = np.flatnonzero(quantity)
        group = _pick(group, row)
    if not bool(np.all(group[1:] >= group[:-1])):
        order = _stable_order(group)
        group = _pick(group, order)
        row = order if row is None else _pick(row, order)
    if row is not None:
        quantity, price = _pick(quantity, row), _pick(price, row)
    is_first = np.ones(group.size, np.bool_)
    np.not_equal(group[1:], group[:-1], out=is_first[1:])
    start = np.flatnonzero(is_first)
    return _Fills(row=row, quantity=quantity, price=price, start=start, group=group[start])


def _stable_order(group: Int64Array) -> Int64Array:
    """Return the stable sorting order of non-negative ids.

    NumPy sorts 16-bit keys stably by radix, several times faster than 64-bit keys; so ids below
    2^32 are sorted by their low half and then by their high half.
    """
    largest = int(group.max())
    if largest >= 2**32:
        return np.argsort(group, kind="stable")
    order = np.argsort(group.astype(np.uint16), kind="stable")
    if largest >= 2**16:
        high = (group >> 16).astype(np.uint16)[order]
        order = order[np.argsort(high, kind="stable")]
    return order


def _lot_ends(
    fills: _Fills, sign: int, total: Int64Array, line: Int64Array, closed: Int64Array
) -> tuple[Int64Array, Int64Array]:
    """Lay one side's lots (buys for sign 1, sells for -1) on the common line of closed units.

    `total` and `line` hold, a group, the units of this side and those of them that close. The
    signed units closed of each fill are written to `closed`, of shape (fills,).

    Returns:
        Where the side's fills with closed units stand among `fills`, and the end of each on the
        line; the ends ascend strictly.
    """
    at = np.flatnonzero(fills.quantity > 0 if sign > 0 else fills.quantity < 0)
    count = np.diff(np.searchsorted(at, fills.start), append=at.size)
    end = _pick(fills.quantity, at)
    end *= sign
    np.cumsum(end, out=end)
    # Each group's line starts where the line before it ended, and is cut at its closed units. The
    # last lot of every group reaches that cut, so neighbouring ends differ by the units closed.
    line_end = np.cumsum(line)
    side_end = np.cumsum(total)
    end += np.repeat((line_end - line) - (side_end - total), count)
    np.minimum(end, np.repeat(line_end, count), out=end)
    units = _steps(end)
    units *= sign
    closed[at] = units
    if np.count_nonzero(units) != units.size:
        kept = np.flatnonzero(units)
        at, end = _pick(at, kept), _pick(end, kept)
    return at, end


def _steps(ends: Int64Array) -> Int64Array:
    """Return how far each end lies past the one before it, the first past 0."""
    steps = ends.copy()
    steps[1:] -= ends[:-1]
    return steps


def _merge(buy_end: Int64Array, sell_end: Int64Array) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Cut the line at every lot end; return buy lot, sell lot and units of each stretch."""
    # The lowest bit says whose end it is. Ends are below 2^63, so the key fits 64 bits unsigned.
    # Both halves ascend already, and a stable sort merges such runs in linear time.
    key = np.concatenate((buy_end, sell_end)).view(np.uint64)
    key <<= 1
    key[buy_end.size :] |= 1
    key.sort(kind="stable")
    is_sell = (key & 1).astype(np.int64)
    key >>= 1
    stretch = _steps(key.view(np.int64))
    del key
    # Left of a stretch lie the ends of all lots used up before it: their count is the lot at work.
    sell_lot = np.cumsum(is_sell)
    sell_lot -= is_sell
    del is_sell
    kept = np.flatnonzero(stretch)  # both sides ending at one point leave an empty stretch
    sell_lot = _pick(sell_lot, kept)
    return kept - sell_lot, sell_lot, _pick(stretch, kept)


def _realised(
    closed: Int64Array, price: Int64Array, start: Int64Array, most_closed: int
) -> list[int]:
    """Return each group's P&L: what its closed units were sold for less what they were bought for.

    That is the sum of quantity * (sell - buy) over its pairs, since both sides close equally many.
    `closed` holds signed units a fill, and `most_closed` the most units any one group closed.
    """
    # Array arithmetic on int64 wraps, so these sums are exact modulo 2^64 whatever happens inside.
    wrapped: list[int] = np.negative(np.add.reduceat(closed * price, start)).tolist()
    dearest = max(int(price.max()), -int(price.min()))
    if 2 * most_closed * dearest <= _INT64_MAX:
        return wrapped
    # Otherwise a float64 sum tells which multiple of 2^64 is missing. With u = 2^-53, converting
    # the two factors and multiplying them costs each term three roundings, and adding n terms in
    # any order at most n - 1 more: the sum is off by at most g * A, where g = (n+2)u / (1-(n+2)u)
    # and A is the sum of the absolute terms. The float64 value of A is itself at least (1-g)A. So
    # where (n+4) * A, as computed, is below 2^115, the error is below 1.01 * 2^62 for any n that
    # fits in memory: less than the 2^63 within which the multiple is unambiguous.
    term = np.multiply(closed, price, dtype=np.float64)
    estimate: list[float] = np.negative(np.add.reduceat(term, start)).tolist()
    gross = np.add.reduceat(np.abs(term, out=term), start)
    stop = np.append(start[1:], closed.size)
    result = [
        low + ((int(near) - low + 2**63) >> 64 << 64)
        for low, near in zip(wrapped, estimate, strict=True)
    ]
    for at in np.flatnonzero(gross * (stop - start + 4) >= _TRUSTED_GROSS).tolist():
        part = slice(int(start[at]), int(stop[at]))
        result[at] = -sum(map(int.__mul__, closed[part].tolist(), price[part].tolist()))
    return result
