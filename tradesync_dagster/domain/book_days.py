"""The books at the end of every day, all days and all queues in one pass.

A queue is what FIFO nets: one account's (or strategy's) trading of one instrument in one product.
What belongs here: which lots are open at the end of which days, and what each day earned and
left. What does not: the matching (``fifo``), what a queue is and India's rules about it
(``bookkeeping``), storing (``store``), showing (``positions``).

The state at the end of any day resumes the books there: its open lots, fed ahead of the later
entries, give the same days as feeding everything from the beginning.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from tradesync_dagster.domain import fifo
from tradesync_dagster.domain.exact import SAFE, ExactArray, add, products, running

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

STILL_OPEN: Final = date.max.toordinal()
"""``LotSpans.held_to`` of a lot that no entry closes; the last date there is."""


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """What books are made of; rows stand by queue, in FIFO order within each.

    Attributes:
        queue: Shape (entries,); ascending ids from 0 up.
        day: Shape (entries,); ordinals of trade dates, never falling within a queue.
        quantity: Shape (entries,); + bought, - sold.
        price: Shape (entries,); in millionths of the currency.
    """

    queue: Int64Array
    day: Int64Array
    quantity: Int64Array
    price: Int64Array


@dataclass(frozen=True, slots=True, eq=False)
class LotSpans:
    """Open lots over time: one row for each stretch of days at whose ends a lot was open.

    Attributes:
        entry: The entry that opened the lot, ascending; its spans follow one another in time.
        held_from: Ordinal of the first day at whose end it was open with this quantity.
        held_to: Ordinal of the first day at whose end that was no longer so.
        quantity: Signed.
    """

    entry: Int64Array
    held_from: Int64Array
    held_to: Int64Array
    quantity: Int64Array


@dataclass(frozen=True, slots=True, eq=False)
class QueueDays:
    """How each queue ended each day on which it had entries, by queue and day.

    Attributes:
        entry: The last entry of the queue on that day.
        quantity: Net open units at the day's end, signed.
        cost: What these cost (for a short, minus what they brought in), quantity times price.
        realised: P&L of what was closed on that day.
        wins: Closed lots that earned.
        losses: Closed lots that lost.
    """

    queue: Int64Array
    day: Int64Array
    entry: Int64Array
    quantity: Int64Array
    cost: ExactArray
    realised: ExactArray
    wins: Int64Array
    losses: Int64Array


@dataclass(frozen=True, slots=True, eq=False)
class ClosedLots:
    """Which entry closed how much of which, by queue and in the order in which they closed.

    Attributes:
        opened: The entry that opened the lot.
        closed: The entry that closed it, later in the queue.
        quantity: Units, signed as the lot was: + long, - short.
        realised: P&L of the units, in quantity times price.
    """

    opened: Int64Array
    closed: Int64Array
    quantity: Int64Array
    realised: ExactArray


def close_days(entries: Entries, nets_within_day: BoolArray) -> tuple[LotSpans, QueueDays]:
    """Match all entries and close the books on each of their days.

    Args:
        entries: All queues' entries.
        nets_within_day: Shape (queues,); whether the units bought and sold on one day pair with
            each other before they touch older lots.

    Returns:
        The lots open at the ends of days, and each queue's days.
    """
    cell = _cells(entries)
    within, later = _match(entries, nets_within_day, cell)
    return _spans(entries, later), _days(entries, cell, [within, later])


def closed_lots(entries: Entries, nets_within_day: BoolArray) -> ClosedLots:
    """Match all entries and list what was closed, pair by pair.

    Args:
        entries: All queues' entries.
        nets_within_day: As ``close_days`` takes it.

    Returns:
        The pairs whose P&L ``close_days`` sums up.
    """
    within, later = _match(entries, nets_within_day, _cells(entries))
    buys = np.concatenate((within.buy_row, later.buy_row))
    sells = np.concatenate((within.sell_row, later.sell_row))
    units = np.concatenate((within.quantity, later.quantity))
    realised = np.concatenate((_earned(entries, within), _earned(entries, later)))
    opened, closed = np.minimum(buys, sells), np.maximum(buys, sells)
    order = np.lexsort((opened, closed))
    signed = units * np.sign(entries.quantity[opened])
    return ClosedLots(opened[order], closed[order], signed[order], realised[order])


def _cells(entries: Entries) -> Int64Array:
    """Number the (queue, day) pairs in order; return each entry's number."""
    changes = np.empty(entries.queue.size, np.bool_)
    changes[:1] = False
    np.not_equal(entries.queue[1:], entries.queue[:-1], out=changes[1:])
    changes[1:] |= entries.day[1:] != entries.day[:-1]
    cells: Int64Array = np.cumsum(changes)
    return cells


def _match(
    entries: Entries, nets_within_day: BoolArray, cell: Int64Array
) -> tuple[fifo.Matches, fifo.Matches]:
    """Net within days where that applies, then match what is left with older lots."""
    nets = nets_within_day[entries.queue]
    within = fifo.match(cell, np.where(nets, entries.quantity, 0), entries.price)
    left = np.where(nets, 0, entries.quantity)
    left[within.open_row] = within.open_quantity
    return within, fifo.match(entries.queue, left, entries.price)


def _spans(entries: Entries, later: fifo.Matches) -> LotSpans:
    """Cut each lot's life at the days on which part of it was closed."""
    opening = np.minimum(later.buy_row, later.sell_row)
    closed_on = entries.day[np.maximum(later.buy_row, later.sell_row)]
    overnight = np.flatnonzero(closed_on > entries.day[opening])
    # Within a queue lots close in the order in which they opened, so both parts ascend already.
    row = np.concatenate((opening[overnight], later.open_row))
    until = np.concatenate(
        (closed_on[overnight], np.full(later.open_row.size, STILL_OPEN, np.int64))
    )
    units = np.concatenate((later.quantity[overnight], np.abs(later.open_quantity)))
    order = np.argsort(row, kind="stable")
    row, until, units = row[order], until[order], units[order]
    if row.size == 0:
        return LotSpans(row, until, until, units)
    ends = np.ones(row.size, np.bool_)
    ends[:-1] = (row[1:] != row[:-1]) | (until[1:] != until[:-1])
    starts = np.concatenate(([0], np.flatnonzero(ends)[:-1] + 1))
    units = np.add.reduceat(units, starts)
    row, until = row[ends], until[ends]
    first = np.ones(row.size, np.bool_)
    first[1:] = row[1:] != row[:-1]
    held_from = np.where(first, entries.day[row], np.concatenate(([0], until[:-1])))
    return LotSpans(row, held_from, until, _left(units, first) * np.sign(entries.quantity[row]))


def _left(units: Int64Array, first: BoolArray) -> Int64Array:
    """Return, of consecutive parts of each lot, the units from each part to the lot's end."""
    before = np.cumsum(units) - units  # wraps alike in both terms, so the difference is exact
    start = np.flatnonzero(first)
    count = np.diff(start, append=units.size)
    total = np.repeat(np.add.reduceat(units, start), count)
    left: Int64Array = total - (before - np.repeat(before[start], count))
    return left


def _days(entries: Entries, cell: Int64Array, matches: list[fifo.Matches]) -> QueueDays:
    count = int(cell[-1]) + 1 if cell.size else 0
    last = np.searchsorted(cell, np.arange(count), side="right") - 1
    start = np.searchsorted(cell, np.arange(count))
    queue = entries.queue[last]
    realised: ExactArray = np.zeros(count, np.int64)
    wins, losses = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for found in matches:
        earned = _earned(entries, found)
        at = cell[np.maximum(found.buy_row, found.sell_row)]
        realised = add(realised, _sum_at(at, earned, count))
        wins += np.bincount(at[earned > 0], minlength=count)
        losses += np.bincount(at[earned < 0], minlength=count)
    value = products(entries.quantity, entries.price)
    net = np.add.reduceat(entries.quantity, start) if count else entries.quantity[:0]
    paid = np.add.reduceat(value, start) if count else value[:0]
    return QueueDays(
        queue=queue,
        day=entries.day[last],
        entry=last,
        quantity=running(net, queue),
        cost=running(add(paid, realised), queue),
        realised=realised,
        wins=wins,
        losses=losses,
    )


def _earned(entries: Entries, found: fifo.Matches) -> ExactArray:
    sold, bought = entries.price[found.sell_row], entries.price[found.buy_row]
    if np.abs(entries.price.astype(float)).max(initial=0.0) >= SAFE / 2:
        wide: ExactArray = sold.astype(object) - bought.astype(object)
        return products(found.quantity.astype(object), wide)
    return products(found.quantity, sold - bought)


def _sum_at(at: Int64Array, values: ExactArray, count: int) -> ExactArray:
    """Add up values by cell; the cells ascend."""
    sums = np.zeros(count, values.dtype)
    if at.size:
        start = np.flatnonzero(np.concatenate(([True], at[1:] != at[:-1])))
        sums[at[start]] = np.add.reduceat(values, start)
    return sums
