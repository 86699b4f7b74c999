"""Prices: a seeded random walk on the tick, within the day's circuits.

Belongs here: last, open, high, low and close of every instrument, and how much it offers.
Does not belong here: orders and who fills them (market.py).
"""

from tradesync_dagster.brokers.exchange import risk
from tradesync_dagster.brokers.exchange.instruments import Instrument
from tradesync_dagster.brokers.exchange.units import Dice


class Tape:
    """What every instrument costs and what it cost; money in millionths, by "EXCHANGE:SYMBOL"."""

    def __init__(self, instruments: dict[str, Instrument], dice: Dice) -> None:
        self._instruments = instruments
        self._dice = dice
        self.last = {key: item.opening_price for key, item in instruments.items()}
        self.opens, self.closes = dict(self.last), dict(self.last)
        self.highs, self.lows = dict(self.last), dict(self.last)
        self.sizes = {key: self._size(item) for key, item in instruments.items()}

    def step(self) -> None:
        """Move every price once and draw what is on offer at it."""
        for key, item in self._instruments.items():
            reach = max(1, self.last[key] // item.tick // 1500)
            base = self.last[item.twin] if item.twin else self.last[key]
            moved = base + self._dice.between(-reach, reach) * item.tick
            low, high = risk.band(item, self.closes[key])
            price = min(max(moved, low), high)
            self.last[key] = price
            self.highs[key] = max(self.highs[key], price)
            self.lows[key] = min(self.lows[key], price)
            self.sizes[key] = self._size(item)

    def turn(self) -> None:
        """End the day: the last price is the close, and tomorrow's opening price."""
        self.closes, self.opens = dict(self.last), dict(self.last)
        self.highs, self.lows = dict(self.last), dict(self.last)

    def _size(self, item: Instrument) -> int:
        if item.is_equity:
            return self._dice.between(20, 400)
        return item.lot * self._dice.between(1, 8)
