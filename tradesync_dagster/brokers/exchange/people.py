"""People who trade past the system: seeded orders placed, changed and cancelled by hand.

Belongs here: who does what on a step, and the days lived through before the exchange opens.
Does not belong here: what becomes of their orders (market.py).
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from tradesync_dagster.brokers.exchange import risk
from tradesync_dagster.brokers.exchange.instruments import Instrument
from tradesync_dagster.brokers.exchange.ledger import Account
from tradesync_dagster.brokers.exchange.market import Market
from tradesync_dagster.brokers.exchange.orders import OrderRequest, RefusedError
from tradesync_dagster.brokers.exchange.units import IST, Dice

_HISTORY_STEPS = 5
_HISTORY_RATE = 0.6


@dataclass(frozen=True, slots=True)
class Habits:
    """How busy people are: the chance that an account acts on a step, and their tags."""

    rate: float = 0.05
    tag_prefix: str = ""


class People:
    """Everybody with a trading app, driven by one die."""

    def __init__(self, seed: int, habits: Habits) -> None:
        self.dice = Dice(seed ^ 0x5EED)
        self.habits = habits

    def act(self, market: Market, at: datetime, rate: float | None = None) -> int:
        """Let a few accounts act; gives the number of orders they placed."""
        if not market.is_open():
            return 0
        per_million = int((self.habits.rate if rate is None else rate) * 1_000_000)
        placed = 0
        for account in market.accounts.values():
            if not account.opened and self.dice.chance(per_million):
                placed += self._one(market, account, at)
        return placed

    def live_through(self, market: Market, until: datetime) -> None:
        """Trade every weekday from the market's first day to the day before `until`."""
        day: date = market.day
        while day < until.date():
            if day.weekday() < 5:
                for row in range(_HISTORY_STEPS):
                    at = datetime.combine(day, time(10 + row, 7 * row + 3, 11 * row + 2), IST)
                    market.step(at)
                    self.act(market, at, _HISTORY_RATE)
            day += timedelta(days=1)
        market.advance(until)

    def _one(self, market: Market, account: Account, at: datetime) -> int:
        resting = [order for order in account.open_orders() if order.by_hand]
        try:
            if resting and self.dice.chance(350_000):
                order = resting[self.dice.below(len(resting))]
                market.cancel(account.user_id, order.order_id, at)
                return 0
            market.place(account.user_id, self._wish(market, account), at, by_hand=True)
        except RefusedError:
            return 0
        return 1

    def _wish(self, market: Market, account: Account) -> OrderRequest:
        """Think of an order: mostly sensible, now and then far too large."""
        throw = self.dice.below(100)
        held = [holding for holding in account.holdings.values() if holding.quantity > 0]
        if throw < 35 and held:
            holding = held[self.dice.below(len(held))]
            quantity = self.dice.between(1, holding.quantity)
            return self._request(market, holding.instrument, "SELL", "CNC", quantity)
        items = list(market.instruments.values())
        item = items[self.dice.below(len(items))]
        side = "BUY" if self.dice.chance(600_000) else "SELL"
        if not item.is_equity:
            return self._request(market, item, side, "NRML", item.lot * self.dice.between(1, 2))
        budget = self.dice.between(4, 60) * 1_000_000_000
        if throw > 96:
            budget *= 100
        quantity = max(1, budget // market.tape.last[item.key])
        if throw < 70:
            return self._request(market, item, "BUY", "CNC", quantity)
        return self._request(market, item, side, "MIS", quantity)

    def _request(
        self, market: Market, item: Instrument, side: str, product: str, quantity: int
    ) -> OrderRequest:
        tag = None
        if self.habits.tag_prefix and self.dice.chance(300_000):
            tag = f"{self.habits.tag_prefix}{self.dice.below(10**6):06d}"[:20]
        if self.dice.chance(400_000):
            return OrderRequest(item.symbol, item.exchange, side, quantity, product, tag=tag)
        low, high = risk.band(item, market.tape.closes[item.key])
        wanted = market.tape.last[item.key] + self.dice.between(-6, 6) * item.tick
        price = min(max(wanted, low), high)
        return OrderRequest(
            item.symbol, item.exchange, side, quantity, product, "LIMIT", price, tag=tag
        )
