"""What changes open lots without a trade: corporate actions and product conversions.

Both happen at the start of a trading day. A corporate action turns so many shares into so many
others; the cost stays, to the last unit: since the new price seldom divides evenly, a lot becomes
two, one a price unit dearer than the other. A conversion moves units, at their cost, to another
product's queue.

What belongs here: changing frames of lots and fills at one day's start. What does not: keeping
books between such days (``bookkeeping``). These changes are rare and touch few lots, so that this
module goes lot by lot.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tradesync_dagster.domain.book_frames import (
    DAY_COLUMNS,
    QUEUE,
    Frame,
    Row,
    empty_days,
    fifo_place,
    like_frame,
    queue_of,
    rows_of,
)
from tradesync_dagster.domain.conversions import converted, netted
from tradesync_dagster.domain.facts import Conversion, CorporateAction, Facts


@dataclass(frozen=True, slots=True)
class Change:
    """All that happens to lots at the start of one day (an ordinal)."""

    day: int
    actions: tuple[CorporateAction, ...]
    conversions: tuple[Conversion, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """What a change came to.

    Attributes:
        ended: Lots as they were, ending at the change.
        lots: Lots as they are from then on, unchanged ones included.
        fills: The later fills, those of the day in their new products.
        days: How the queues concerned stand after the change, before the day's trading.
    """

    ended: Frame
    lots: Frame
    fills: Frame
    days: Frame


def changes(facts: Facts, start: int) -> list[Change]:
    """List the days on which lots change, in order.

    Args:
        facts: All facts.
        start: Ordinal of the first day of interest.

    Returns:
        One entry a day.
    """
    actions, moves = defaultdict(list), defaultdict(list)
    for action in facts.actions:
        actions[action.ex_date.toordinal()].append(action)
    for move in facts.conversions:
        moves[move.trade_date.toordinal()].append(move)
    return [
        Change(
            day,
            tuple(sorted(actions[day], key=lambda a: (a.isin, a.kind))),
            tuple(sorted(moves[day], key=lambda c: (c.account_id, c.conversion_id))),
        )
        for day in sorted({*actions, *moves})
        if day >= start
    ]


def concerned(queues: Frame, facts: Facts, found: Sequence[Change]) -> set[tuple[Any, ...]]:
    """Pick the queues that a change may touch.

    Args:
        queues: Columns of a queue, repeated or not.
        facts: For the names of instruments.
        found: The changes.

    Returns:
        Keys of queues.
    """
    if not found:
        return set()
    shares = {facts.newest(action.isin) for change in found for action in change.actions}
    moved = {
        (move.account_id, facts.instrument(move.exchange, move.symbol, product), product)
        for change in found
        for move in change.conversions
        for product in (move.from_product, move.to_product)
    }
    return {
        key
        for key in queues.drop_duplicates().itertuples(index=False, name=None)
        if key[2] in shares or (key[0], key[2], key[3]) in moved
    }


def is_in(frame: Frame, keys: set[tuple[Any, ...]]) -> Any:
    """Tell which rows are of some queues.

    Args:
        frame: With the columns of a queue.
        keys: The queues.

    Returns:
        A boolean array.
    """
    if not keys:
        return np.zeros(len(frame), np.bool_)
    rows = frame[QUEUE].itertuples(index=False, name=None)
    return np.fromiter((row in keys for row in rows), np.bool_, len(frame))


def apply(lots: Frame, fills: Frame, change: Change, facts: Facts) -> Moved:
    """Change open lots, and the day's fills where a conversion moves them.

    Args:
        lots: Open before the change.
        fills: Of the change's day and later.
        change: What happens.
        facts: For the names of instruments.

    Returns:
        What it came to.
    """
    before: list[Row] = sorted(rows_of(lots), key=fifo_place("opened_at"))
    after = before
    for action in change.actions:
        after = _reissued(after, action, facts.newest(action.isin))
    today = fills["trade_date"] == change.day
    rows = sorted(rows_of(fills[today]), key=fifo_place("filled_at"))
    for move in change.conversions:
        if move.overnight:
            after = converted(after, move, facts)
        else:
            rows = converted(rows[::-1], move, facts)[::-1]
    after, earned = netted(after)
    same = {id(row) for row in before} & {id(row) for row in after}
    ended = [row | {"held_to": change.day} for row in before if id(row) not in same]
    fresh = [row for row in after if id(row) not in same]
    _begin(fresh, change.day)
    touched = {queue_of(row) for row in (*ended, *fresh)}
    return Moved(
        ended=like_frame(ended, lots),
        lots=like_frame(after, lots),
        fills=pd.concat([f for f in (like_frame(rows, fills), fills[~today]) if len(f)] or [fills]),
        days=_standing(after, ended, touched, earned, change.day),
    )


def _begin(fresh: Iterable[Row], day: int) -> None:
    """Let lots begin; parts of one lot that meet again in a queue become pieces of it."""
    taken: set[tuple[Any, ...]] = set()
    for row in fresh:
        row["held_from"] = day
        while (key := (*queue_of(row), row["trade_date"], row["fill_id"], row["piece"])) in taken:
            row["piece"] += 1
        taken.add(key)


def _reissued(rows: list[Row], action: CorporateAction, instrument: str) -> list[Row]:
    """Turn the shares before an action into those after it, queue by queue.

    A fraction of a share is not held: each queue ends with the whole shares its total gives, and
    they carry the whole cost. A queue that would end with none stays as it is.
    """
    result: list[Row] = []
    queues: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row["instrument"] == instrument:
            queues[queue_of(row)].append(row)
        else:
            result.append(row)
    for held in queues.values():
        result += list(_reissued_queue(held, action))
    return result


def _reissued_queue(held: Sequence[Row], action: CorporateAction) -> Iterable[Row]:
    total = sum(abs(row["quantity"]) for row in held)
    if total * action.shares_after < action.shares_before:
        yield from held
        return
    before, after, waiting = 0, 0, 0
    parts: list[tuple[Row, int, int]] = []
    for row in held:
        before += abs(row["quantity"])
        units = before * action.shares_after // action.shares_before - after
        after += units
        waiting += abs(row["quantity"]) * row["price"]
        if units:
            parts.append((row, units, waiting))
            waiting = 0
    row, units, cost = parts.pop()
    for part in (*parts, (row, units, cost + waiting)):
        yield from _at_whole_prices(*part)


def _at_whole_prices(row: Row, units: int, cost: int) -> Iterable[Row]:
    price, dearer = divmod(cost, units)
    sign = 1 if row["quantity"] > 0 else -1
    for piece, count, each in ((0, dearer, price + 1), (1, units - dearer, price)):
        if count:
            changed = {"piece": 2 * row["piece"] + piece, "quantity": sign * count, "price": each}
            yield row | changed


def _standing(
    after: Sequence[Row],
    ended: Sequence[Row],
    touched: set[tuple[Any, ...]],
    earned: dict[tuple[Any, ...], list[int]],
    day: int,
) -> Frame:
    if not touched:
        return empty_days()
    totals: dict[tuple[Any, ...], Row] = {}
    for row in (*ended, *after):
        key = queue_of(row)
        if key in touched and key not in totals:
            pairs = earned.get(key, [])
            totals[key] = {name: row[name] for name in (*QUEUE, "exchange", "symbol")} | {
                "trade_date": day,
                "quantity": 0,
                "cost": 0,
                "realised_pnl": sum(pairs),
                "wins": sum(pair > 0 for pair in pairs),
                "losses": sum(pair < 0 for pair in pairs),
            }
    for row in after:
        if (key := queue_of(row)) in touched:
            totals[key]["quantity"] += row["quantity"]
            totals[key]["cost"] += row["quantity"] * row["price"]
    return pd.DataFrame([totals[key] for key in sorted(totals)], columns=list(DAY_COLUMNS))
