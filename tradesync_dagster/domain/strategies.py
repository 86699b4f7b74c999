"""What a strategy is to tradesync: something that reads a day's figures and wishes to buy.

What belongs here: the Protocol that installed strategies keep to, and what they are shown. What
does not: the strategies themselves, loading them (``bootstrap.strategies``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

import pandas as pd

GROUP = "tradesync.strategies"
"""The entry point group under which packages name their strategies."""


@dataclass(frozen=True, slots=True)
class View:
    """What a strategy may know; copies, so that nothing that it does to them reaches the books.

    Attributes:
        day: The trading day that has just ended, or is going on (Asia/Kolkata).
        capital: What it may hold together, in millionths.
        free: What of it is not in positions or working orders, in millionths.
        prices: ``exchange``, ``symbol``, ``trade_date`` (a date) and ``price`` (millionths): the
            last price of each day on which an account of the desk was told one, oldest first.
        units: What it holds, signed, by (exchange, symbol).
        positions: The account's, as the books have them.
        holdings: The account's, as the books have them.
        options: Of its mandate, as text.
    """

    day: date
    capital: int
    free: int
    prices: pd.DataFrame
    units: Mapping[tuple[str, str], int] = field(default_factory=dict)
    positions: Sequence[Mapping[str, Any]] = ()
    holdings: Sequence[Mapping[str, Any]] = ()
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wish:
    """An instrument that a strategy wishes to buy.

    Attributes:
        price: The most to pay, in millionths, on the exchange's tick.
        target: Sell at it or above, in millionths; 0 for the mandate's rule.
        stop: Sell at it or below, in millionths; 0 for the mandate's rule.
        score: The higher, the earlier it is bought.
        why: For people.
    """

    exchange: str
    symbol: str
    price: int
    product: str = "CNC"
    target: int = 0
    stop: int = 0
    score: int = 0
    why: str = ""


class Strategy(Protocol):
    """Something that wishes to buy; made anew for every look, so that it remembers nothing."""

    def wishes(self, view: View) -> Iterable[Wish]:
        """Say what to buy at the next opportunity.

        Args:
            view: What is known.

        Returns:
            One wish an instrument.

        Raises:
            ValueRefusedError: An option is not as it must be.
        """
        ...
