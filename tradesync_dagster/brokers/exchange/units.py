"""Exact numbers, Indian time and dice for the simulated exchange.

Belongs here: the integer money unit, its text form, the exchange's zone and the seeded dice.
Does not belong here: anything that knows an order, an account or HTTP.
"""

from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation

import orjson

SCALE = 1_000_000
"""Millionths of a rupee: every price and amount is an int of these."""

IST = timezone(timedelta(hours=5, minutes=30), "IST")
_MASK = (1 << 64) - 1


def parse(text: str) -> int:
    """Read a decimal number as millionths.

    Raises:
        ValueError: it is no finite number, or has more than six decimals.
    """
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(text) from error
    if not value.is_finite() or abs(value) >= 10**12:
        raise ValueError(text)
    scaled = value * SCALE
    if scaled != int(scaled):
        raise ValueError(text)
    return int(scaled)


def text(value: int) -> str:
    """Write millionths as the shortest exact decimal."""
    whole, part = divmod(abs(value), SCALE)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{part:06d}".rstrip("0") if part else f"{sign}{whole}"


def money(value: int) -> str:
    """Write millionths with two decimals, as the broker's sentences do."""
    paise = (abs(value) + SCALE // 200) // (SCALE // 100)
    return f"{'-' if value < 0 else ''}{paise // 100}.{paise % 100:02d}"


def number(value: int) -> orjson.Fragment:
    """Give millionths as an exact JSON number."""
    return orjson.Fragment(text(value))


def average(value: int, quantity: int) -> int:
    """Divide an amount by a quantity, rounded half up to a millionth; 0 for no quantity."""
    return (2 * value + quantity) // (2 * quantity) if quantity else 0


def in_zone(at: datetime) -> datetime:
    """Give a time in the exchange's zone, to the second; a naive one is taken as Indian."""
    aware = at.astimezone(IST) if at.tzinfo else at.replace(tzinfo=IST)
    return aware.replace(microsecond=0)


def stamp(at: datetime) -> str:
    """Write a time as the broker does: naive, Indian, whole seconds."""
    return at.isoformat(sep=" ")[:19]


class Dice:
    """SplitMix64: the same seed gives the same throws in every Python."""

    __slots__ = ("state",)

    def __init__(self, seed: int) -> None:
        self.state = (seed * 0x9E3779B97F4A7C15 + 0xD1B54A32D192ED03) & _MASK

    def below(self, limit: int) -> int:
        """Throw a number from 0 to limit - 1."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self.state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return (mixed ^ (mixed >> 31)) % limit

    def between(self, low: int, high: int) -> int:
        """Throw a number from low to high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, per_million: int) -> bool:
        """Say yes so many times in a million."""
        return self.below(1_000_000) < per_million
