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
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from tradesync_dagster.domain.facts import Conversion, CorporateAction, Facts

_QUEUE: Final = ["account_id", "strategy_id", "instrument", "product"]
_DAY_COLUMNS: Final = [
    *_QUEUE, "trade_date", "exchange", "symbol", "quantity", "cost", "realised_pnl", "wins",
    "losses",
]  # fmt: skip
Frame = pd.DataFrame
Row = dict[str, Any]


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


def empty_days() -> Frame:
    """Return a frame of no days."""
    return pd.DataFrame({name: np.empty(0, np.int64) for name in _DAY_COLUMNS}).astype(
        dict.fromkeys(["strategy_id", "instrument", "product", "exchange", "symbol"], object)
    )


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
    rows = frame[_QUEUE].itertuples(index=False, name=None)
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
    before: list[Row] = sorted(_rows(lots), key=_place("opened_at"))
    after = before
    for action in change.actions:
        after = _reissued(after, action, facts.newest(action.isin))
    today = fills["trade_date"] == change.day
    rows = sorted(_rows(fills[today]), key=_place("filled_at"))
    for move in change.conversions:
        if move.overnight:
            after = _converted(after, move, facts)
        else:
            rows = _converted(rows[::-1], move, facts)[::-1]
    after, earned = _netted(after)
    same = {id(row) for row in before} & {id(row) for row in after}
    ended = [row | {"held_to": change.day} for row in before if id(row) not in same]
    fresh = [row for row in after if id(row) not in same]
    for row in fresh:
        row["held_from"] = change.day
    touched = {_queue_of(row) for row in (*ended, *fresh)}
    return Moved(
        ended=_frame(ended, lots),
        lots=_frame(after, lots),
        fills=pd.concat([f for f in (_frame(rows, fills), fills[~today]) if len(f)] or [fills]),
        days=_standing(after, ended, touched, earned, change.day),
    )


def _place(time: str) -> Callable[[Row], tuple[Any, ...]]:
    """Order rows of any queue first in, first out, as ``bookkeeping.fifo_order`` does."""
    return lambda row: (row[time], len(row["fill_id"]), row["fill_id"], row["piece"])


def _rows(frame: Frame) -> list[Row]:
    return [
        dict(zip(frame.columns, row, strict=True))
        for row in frame.itertuples(index=False, name=None)
    ]


def _frame(rows: Sequence[Row], like: Frame) -> Frame:
    if not rows:
        return like.iloc[:0]
    return pd.DataFrame(list(rows), columns=like.columns).astype(like.dtypes.to_dict())


def _queue_of(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in _QUEUE)


def _reissued(rows: list[Row], action: CorporateAction, instrument: str) -> list[Row]:
    """Turn the shares before an action into those after it, queue by queue.

    A fraction of a share is not held: each queue ends with the whole shares its total gives, and
    they carry the whole cost. A queue that would end with none stays as it is.
    """
    result: list[Row] = []
    queues: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row["instrument"] == instrument:
            queues[_queue_of(row)].append(row)
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


def _converted(rows: list[Row], move: Conversion, facts: Facts) -> list[Row]:
    """Move units of one side to another product, the first rows first, splitting the last one."""
    source = facts.instrument(move.exchange, move.symbol, move.from_product)
    target = facts.instrument(move.exchange, move.symbol, move.to_product)
    left: dict[str, int] = defaultdict(lambda: move.quantity)
    result: list[Row] = []
    for row in rows:
        fits = (row["account_id"], row["instrument"], row["product"]) == (
            move.account_id,
            source,
            move.from_product,
        ) and (row["quantity"] > 0) == (move.side.sign > 0)
        units = min(abs(row["quantity"]), left[row["strategy_id"]]) if fits else 0
        if not units:
            result.append(row)
            continue
        left[row["strategy_id"]] -= units
        signed = units * move.side.sign
        result.append(row | {"instrument": target, "product": move.to_product, "quantity": signed})
        if row["quantity"] != signed:
            result.append(row | {"quantity": row["quantity"] - signed})
    return result


def _netted(rows: Sequence[Row]) -> tuple[list[Row], dict[tuple[Any, ...], list[int]]]:
    """Pair units that a conversion brought to a queue with the opposite ones that it finds there.

    Returns:
        What is left open, and the P&L of each pair by queue.
    """
    queues: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        queues[_queue_of(row)].append(row)
    left: list[Row] = []
    earned: dict[tuple[Any, ...], list[int]] = {}
    for key, held in queues.items():
        kept: list[Row] = []
        for row in sorted(held, key=_place("opened_at")):
            rest: Row | None = row
            while rest is not None and kept and kept[0]["quantity"] * rest["quantity"] < 0:
                other = kept.pop(0)
                units = min(abs(other["quantity"]), abs(rest["quantity"]))
                sign = 1 if rest["quantity"] > 0 else -1
                earned.setdefault(key, []).append(units * sign * (other["price"] - rest["price"]))
                over = other["quantity"] + sign * units
                if over:
                    kept.insert(0, other | {"quantity": over})
                under = rest["quantity"] - sign * units
                rest = rest | {"quantity": under} if under else None
            if rest is not None:
                kept.append(rest)
        left += kept
    return left, earned


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
        key = _queue_of(row)
        if key in touched and key not in totals:
            pairs = earned.get(key, [])
            totals[key] = {name: row[name] for name in (*_QUEUE, "exchange", "symbol")} | {
                "trade_date": day,
                "quantity": 0,
                "cost": 0,
                "realised_pnl": sum(pairs),
                "wins": sum(pair > 0 for pair in pairs),
                "losses": sum(pair < 0 for pair in pairs),
            }
    for row in after:
        if (key := _queue_of(row)) in touched:
            totals[key]["quantity"] += row["quantity"]
            totals[key]["cost"] += row["quantity"] * row["price"]
    return pd.DataFrame([totals[key] for key in sorted(totals)], columns=_DAY_COLUMNS)
