"""Product conversions: a broker moves units to another product, at their cost and without a trade.

What belongs here: moving rows of lots or fills, and netting what meets in the new queue. What does
not: when it happens (``lot_events``).
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from tradesync_dagster.domain.book_frames import Row, fifo_place, queue_of
from tradesync_dagster.domain.facts import Conversion, Facts


def converted(rows: list[Row], move: Conversion, facts: Facts) -> list[Row]:
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


def netted(rows: Sequence[Row]) -> tuple[list[Row], dict[tuple[Any, ...], list[int]]]:
    """Pair units that a conversion brought to a queue with the opposite ones that it finds there.

    Returns:
        What is left open, and the P&L of each pair by queue.
    """
    queues: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        queues[queue_of(row)].append(row)
    left: list[Row] = []
    earned: dict[tuple[Any, ...], list[int]] = {}
    for key, held in queues.items():
        kept: list[Row] = []
        for row in sorted(held, key=fifo_place("opened_at")):
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
