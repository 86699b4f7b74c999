"""Real-time prices at nodes (LMPs), and the simulated market that gives them by default.

A simulated price follows from a seed, the node and the five minutes alone, in integers, so that it
is the same on every machine and in every rerun. What belongs here: the door to prices, the
simulation, which real prices count. What does not: fetching real ones (``brokers.grid_prices``),
what an order is worth at a price (``marks``).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple, Protocol

from tradesync_dagster.domain.money import PRICE_UNIT

INTERVAL = timedelta(minutes=5)
"""How long a real-time price holds."""
FRESH = timedelta(minutes=20)
"""How old a real price may be: markets publish an interval's some minutes after it has begun."""
SIMULATED = "simulated"
MOST_LMP = 100_000 * PRICE_UNIT
"""Prices beyond plus and minus this are taken for mistakes."""
CENT = 10_000
"""Millionths in a hundredth of the currency, the step of simulated prices."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PricePoint(NamedTuple):
    """A node at a moment of UTC."""

    market: str
    node: str
    at: datetime


class Prices(Protocol):
    """Where real-time prices come from."""

    def at(self, points: Collection[PricePoint]) -> Mapping[PricePoint, int]:
        """Give prices in millionths of the currency a MWh; unknown ones are left out."""
        ...

    def source(self, point: PricePoint) -> str:
        """Say in words where the price of a point is from, and why from there."""
        ...


class Published(NamedTuple):
    """A real price: from when it holds, UTC, and millionths of the currency a MWh."""

    at: datetime
    lmp: int

    def holds_at(self, moment: datetime) -> bool:
        """Whether it is the price to take at a moment: of before it, and not old."""
        return timedelta() <= moment - self.at <= FRESH


@dataclass(frozen=True, slots=True)
class SimulatedPrices:
    """Prices drawn evenly, in cents, from ``base - spread`` to ``base + spread``, both included.

    Attributes:
        base: Millionths of the currency a MWh, in whole cents.
        spread: The same; not negative.
    """

    seed: str
    base: int
    spread: int

    def at(self, points: Collection[PricePoint]) -> Mapping[PricePoint, int]:
        """See ``Prices``; every point has a price, the same for all moments of five minutes."""
        return {point: self._price(point) for point in points}

    def source(self, point: PricePoint) -> str:  # noqa: ARG002 - all of them
        """See ``Prices``."""
        return SIMULATED

    def _price(self, point: PricePoint) -> int:
        interval = (point.at - _EPOCH) // INTERVAL
        steps = 2 * self.spread // CENT + 1
        step = draw(steps, self.seed, "lmp", point.market, point.node, str(interval))
        return self.base - self.spread + step * CENT


def draw(count: int, *names: str) -> int:
    """Draw one of ``count`` numbers, evenly, and always the same for the same names.

    Args:
        count: Far below 2^64.
        names: What is drawn for; none holds ``|`` but the first may.

    Returns:
        From 0 to ``count - 1``.
    """
    digest = sha256("|".join(names).encode()).digest()
    return int.from_bytes(digest[:8], "big") * count >> 64
