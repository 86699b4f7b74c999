"""An order that several strategies share by quantity.

An order's units count in the order in which they trade: the first part takes the first units, the
next part the next ones, and ``strategy_id`` of the order owns what no part takes; nobody does where
that is empty. What belongs here: parts, their text and their bounds. What does not: the fills of a
part (``owned_fills``), giving orders away (``sync.assigning``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tradesync_dagster.domain.errors import AssignmentRefusedError, ValueRefusedError
from tradesync_dagster.domain.money import parse_quantity

ALL_UNITS: Final = int(np.iinfo(np.int64).max)
"""Where the last part ends: no order has as many units."""
MOST_PARTS: Final = 20


@dataclass(frozen=True, slots=True)
class Part:
    """Units of an order that are one strategy's.

    Attributes:
        quantity: Shares or contracts, positive.
    """

    strategy_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Share:
    """Where a part begins and ends among an order's units.

    Attributes:
        strategy_id: Whose; empty for nobody.
        start: Units before it.
        end: Units until its end; ``ALL_UNITS`` for all that follow.
    """

    strategy_id: str
    start: int
    end: int

    def within(self, start: int, end: int) -> int:
        """Count its units among those of a stretch."""
        return max(min(self.end, end) - max(self.start, start), 0)


def shares_of(strategy_id: str, parts: Iterable[Part]) -> list[Share]:
    """Lay an order's parts one after another, and after them what is left.

    Args:
        strategy_id: Who owns what no part takes.
        parts: In order.

    Returns:
        Shares that cover all units.
    """
    found, start = [], 0
    for part in parts:
        found.append(Share(part.strategy_id, start, start + part.quantity))
        start += part.quantity
    return [*found, Share(strategy_id, start, ALL_UNITS)]


def unowned_units(quantity: int, strategy_id: str, parts: Iterable[Part]) -> int:
    """Count the units of an order that nobody owns."""
    rest = shares_of(strategy_id, parts)[-1]
    return 0 if rest.strategy_id else rest.within(0, quantity)


def check_parts(parts: Sequence[Part], strategy_id: str) -> None:
    """Refuse parts that cannot be kept.

    Args:
        parts: As somebody gave them.
        strategy_id: Who owns what no part takes.

    Raises:
        ValueRefusedError: Too many, a quantity that is none, or a name that is none.
        AssignmentRefusedError: A strategy is named twice.
    """
    if len(parts) > MOST_PARTS:
        raise ValueRefusedError(f"an order has at most {MOST_PARTS} parts, not {len(parts)}")
    seen = {strategy_id}
    for part in parts:
        name = part.strategy_id
        if not name or "," in name:
            raise ValueRefusedError(f"{name!r} cannot have a part: a name without commas can")
        if part.quantity < 1:
            raise ValueRefusedError(f"{name}={part.quantity} is no part: give it 1 or more")
        if name in seen:
            raise AssignmentRefusedError(f"{name} is named twice: give it one part")
        seen.add(name)


def parts_text(parts: Iterable[Part]) -> str:
    """Write parts down, such as ``alpha=60,beta=40``."""
    return ",".join(f"{part.strategy_id}={part.quantity}" for part in parts)


def parts_from(text: str) -> tuple[Part, ...]:
    """Read parts as ``parts_text`` writes them.

    Raises:
        ValueRefusedError: The text is not of that form, or a quantity does not fit the books.
    """
    return tuple(_part(one) for one in text.split(",")) if text else ()


def _part(text: str) -> Part:
    name, _, quantity = text.rpartition("=")
    if not name.strip() or not (quantity.isascii() and quantity.isdecimal()):
        raise ValueRefusedError(
            f"{text!r} is no part of an order: write STRATEGY=QUANTITY, such as alpha=60,beta=40"
        )
    return Part(name.strip(), parse_quantity(quantity))
