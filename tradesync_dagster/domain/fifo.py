"""First-in-first-out matching of fills into closed lots, and their realised P&L.

Here belongs the arithmetic of one netted queue per group: which bought unit pairs with which sold
unit, what the pairs earned, and what stays open. It works on integers only and on many groups at
once.

Here does not belong: what a group is (account, instrument, product), how fills are ordered in time,
which exchange's rules net a day first, charges and taxes, names or dates. The caller hands over
rows already in FIFO order; nothing is read, stored or logged.

Lay the units a group bought along a line, in order, and the units it sold along another: unit n of
the one pairs with unit n of the other, as far as the shorter line reaches. A closed lot is a
stretch between two neighbouring lot ends, of either line. Laying the groups one behind the other
makes that a single merge of two ascending arrays, with no loop over fills.

One sort brings groups together. The rest goes block by block, so that its many arrays fit the
processor's cache; a block that ends within a group hands that group's open lots to the next one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]

_INT64_MAX: Final = 2**63 - 1
_TRUSTED_GROSS: Final = 2.0**115
"""Gross value times number of terms below which a float64 sum is within 2^63 of the truth."""
_BLOCK: Final = 2**16
"""New fills a block: half a MiB an array, and far more work than it costs to call NumPy."""
_NONE: Final = np.empty(0, np.int64)

_Lots = tuple[Int64Array, Int64Array, Int64Array]  # buy row, sell row, units
_Opens = tuple[Int64Array, Int64Array]  # row, signed units left
_Earned = tuple[list[int], list[int]]  # groups, realised P&L of each


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
class _Keys:
    """The nonzero fills in order: each the group, and in the lowest `bits` the caller's row."""

    values: Int64Array
    bits: int
    ids: Int64Array | None  # the caller's id of each group, when it does not fit into a key

    def row(self, key: Int64Array) -> Int64Array:
        """Return the caller's row of each key."""
        return key & ((1 << self.bits) - 1)


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
            a group has 2^63 units or more open.
    """
    _check(group, quantity, price)
    lots: list[_Lots] = [(_NONE, _NONE, _NONE)]
    opens: list[_Opens] = [(_NONE, _NONE)]
    realised: dict[int, int] = {}
    for block_lots, block_opens, (groups, pnl) in _blocks(group, quantity, price):
        lots.append(block_lots)
        opens.append(block_opens)
        pnl[0] += realised.get(groups[0], 0)  # what that group earned in the block before
        realised.update(zip(groups, pnl, strict=True))
    buy_row, sell_row, units = map(np.concatenate, zip(*lots, strict=True))
    open_row, open_quantity = map(np.concatenate, zip(*opens, strict=True))
    return Matches(buy_row, sell_row, units, open_row, open_quantity, realised)


def _pick(values: Int64Array, at: Int64Array) -> Int64Array:
    """Return `values[at]`; every index is in range, so the bounds check is left out for speed."""
    return values.take(at, mode="clip")


def _check(group: Int64Array, quantity: Int64Array, price: Int64Array) -> None:
    """Refuse what would be matched wrongly: other types, shapes, ids, or too many units."""
    for name, values in (("group", group), ("quantity", quantity), ("price", price)):
        found = getattr(values, "dtype", type(values).__name__)
        if not isinstance(values, np.ndarray) or found != np.int64:
            raise TypeError(
                f"{name} must be a NumPy array of int64, not {found}: "
                "convert to whole units first (money is never a float here)"
            )
        if values.ndim != 1:
            raise ValueError(f"{name} must be one-dimensional, not of shape {values.shape}")
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


def _most_units(signed: Int64Array) -> int:
    """Return the units bought or sold, whichever are more; a bound where that is plainly enough."""
    bound = max(int(signed.max()), -int(signed.min())) * signed.size
    if bound <= _INT64_MAX:
        return bound
    return max(_exact_sum(np.maximum(signed, 0)), -_exact_sum(np.minimum(signed, 0)))


def _exact_sum(values: Int64Array) -> int:
    """Return the exact sum, by halves of 32 bits (sound below 2^31 values)."""
    return (int(np.sum(values >> 32)) << 32) + int(np.sum(values & 0xFFFFFFFF))


def _sorted_keys(group: Int64Array, quantity: Int64Array) -> _Keys:
    """Bring the nonzero fills of each group together, keeping their order.

    Sorting keys that hold the row is several times faster than finding the order of the groups
    (NumPy sorts, but does not argsort, with vector instructions) and stable by itself.
    """
    row = np.flatnonzero(quantity != 0)
    key = _pick(group, row)
    bits = quantity.size.bit_length()
    ids = None
    if int(key.max(initial=0)) >> (63 - bits):
        ids, key = np.unique(key, return_inverse=True)
    is_sorted = bool(np.all(key[1:] >= key[:-1]))
    key <<= bits
    key |= row
    if not is_sorted:
        key.sort()
    return _Keys(key, bits, ids)


def _blocks(
    group: Int64Array, quantity: Int64Array, price: Int64Array
) -> Iterator[tuple[_Lots, _Opens, _Earned]]:
    """Match the fills block by block, feeding the open lots of a group cut in two to the next."""
    keys = _sorted_keys(group, quantity)
    key = left = _NONE
    begin = 0
    while begin < keys.values.size:
        # At least two new fills for each one carried over keep the whole work linear.
        fresh = keys.values[begin : begin + max(_BLOCK, 2 * key.size)]
        left = np.concatenate((left, _pick(quantity, keys.row(fresh))))
        left = left[: _countable(left, key.size, int(keys.row(fresh[0])))]
        fresh = fresh[: left.size - key.size]
        begin += fresh.size
        key = np.concatenate((key, fresh))
        lots, earned = _match_block(keys, key, left, price)
        at = np.flatnonzero(left != 0)
        key, left = _pick(key, at), _pick(left, at)
        done = key.size
        if begin < keys.values.size:  # only lots of the group that goes on are fed again
            done = int(np.searchsorted(key, keys.values[begin] >> keys.bits << keys.bits))
        yield lots, (keys.row(key[:done]), left[:done]), earned
        key, left = key[done:], left[done:]


def _countable(left: Int64Array, carried: int, row: int) -> int:
    """Return how many of these fills, some new ones among them, one line of units can count."""
    size = left.size
    while _most_units(left[:size]) > _INT64_MAX:
        if size == carried + 1:
            raise ValueError(
                f"the fill in row {row} and what its group has open come to "
                f"{_most_units(left[:size])} units of one side, past the {_INT64_MAX} that can "
                "be counted: use a coarser quantity unit"
            )
        size = carried + (size - carried) // 2
    return size


def _match_block(
    keys: _Keys, key: Int64Array, left: Int64Array, price: Int64Array
) -> tuple[_Lots, _Earned]:
    """Match the fills of `key`, and take what they close off `left`, the signed units of each."""
    row = keys.row(key)
    group = key >> keys.bits
    start = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
    group = group[start] if keys.ids is None else keys.ids[group[start]]
    buy_end, sell_end, most_closed = _lot_ends(left, start)
    closed = np.diff(buy_end - sell_end, prepend=0)  # signed: each fill bought or sold
    buy_at, sell_at = np.flatnonzero(closed > 0), np.flatnonzero(closed < 0)
    pnl = _realised(closed, _pick(price, row), start, most_closed)
    left -= closed
    buy_lot, sell_lot, units = _merge(_pick(buy_end, buy_at), _pick(sell_end, sell_at))
    buy_row = _pick(_pick(row, buy_at), buy_lot)
    sell_row = _pick(_pick(row, sell_at), sell_lot)
    return (buy_row, sell_row, units), (group.tolist(), pnl)


def _lot_ends(signed: Int64Array, start: Int64Array) -> tuple[Int64Array, Int64Array, int]:
    """Lay bought and sold units on one common line of closed units, group behind group.

    Returns:
        How far the buys reach with each fill, how far the sells, and the most units a group closed.
    """
    bought = np.maximum(signed, 0)
    sold = bought - signed
    total_bought, total_sold = np.add.reduceat(bought, start), np.add.reduceat(sold, start)
    line = np.minimum(total_bought, total_sold)
    cut = np.repeat(np.cumsum(line), np.append(start[1:], signed.size) - start)
    for units, total in ((bought, total_bought), (sold, total_sold)):
        # The units that stay open are cut off, and taken back where the next group begins.
        units[start[1:]] -= (total - line)[:-1]
        np.cumsum(units, out=units)
        np.minimum(units, cut, out=units)
    return bought, sold, int(line.max())


def _merge(buy_end: Int64Array, sell_end: Int64Array) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Cut the line at every lot end; return buy lot, sell lot and units of each stretch."""
    # The lowest bit says whose end it is. Ends are below 2^63, so the key fits 64 bits unsigned.
    # Both halves ascend: a stable sort merges such runs in linear time.
    key = np.concatenate((buy_end, sell_end)).view(np.uint64)
    key <<= 1
    key[buy_end.size :] |= 1
    key.sort(kind="stable")
    is_sell = (key & 1).view(np.int64)
    ends: Int64Array = (key >> 1).view(np.int64)
    stretch: Int64Array = np.diff(ends, prepend=0)
    # Left of a stretch lie the ends of all lots used up before it: their count is the lot at work.
    sell_lot = np.cumsum(is_sell) - is_sell
    kept = np.flatnonzero(stretch != 0)  # both sides ending at one point leave an empty stretch
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
