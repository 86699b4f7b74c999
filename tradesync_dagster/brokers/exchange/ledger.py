"""One account's cash, fills, positions and holdings.

Belongs here: what follows from fills alone, and the turn from one trading day to the next.
Does not belong here: prices and matching (market.py), margin rules (risk.py), JSON (the faces).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from tradesync_dagster.brokers.exchange import charges
from tradesync_dagster.brokers.exchange.charges import Charges
from tradesync_dagster.brokers.exchange.instruments import Instrument
from tradesync_dagster.brokers.exchange.orders import Fill, Order


@dataclass(slots=True)
class Lot:
    """Units bought (or sold short, negative) at one price on one day."""

    quantity: int
    price: int
    day: date


@dataclass(slots=True)
class DayTotals:
    """What one account did in one instrument and product today."""

    instrument: Instrument
    product: str
    buy_quantity: int = 0
    buy_value: int = 0
    sell_quantity: int = 0
    sell_value: int = 0

    @property
    def net(self) -> int:
        """Bought less sold."""
        return self.buy_quantity - self.sell_quantity


@dataclass(slots=True)
class Carried:
    """A position brought over from earlier days, as FIFO lots of one sign."""

    instrument: Instrument
    product: str
    lots: list[Lot] = field(default_factory=list)

    @property
    def quantity(self) -> int:
        """The net quantity carried."""
        return sum(lot.quantity for lot in self.lots)

    @property
    def value(self) -> int:
        """What the lots cost (negative: what they brought), with the multiplier."""
        return cost(self.lots) * self.instrument.multiplier


@dataclass(slots=True)
class Holding:
    """Shares in the demat account, oldest lot first."""

    instrument: Instrument
    lots: list[Lot] = field(default_factory=list)

    @property
    def quantity(self) -> int:
        """All shares as the day opened, settled or not."""
        return sum(lot.quantity for lot in self.lots)

    def unsettled(self, since: date) -> int:
        """Shares bought on the last trading day (T1)."""
        return sum(lot.quantity for lot in self.lots if lot.day >= since)


def cost(lots: list[Lot]) -> int:
    """Add up quantity times price."""
    return sum(lot.quantity * lot.price for lot in lots)


def consume(lots: list[Lot], quantity: int) -> int:
    """Take units from the oldest lots; gives back what could not be taken."""
    while quantity and lots:
        taken = min(quantity, lots[0].quantity)
        lots[0].quantity -= taken
        quantity -= taken
        if not lots[0].quantity:
            lots.pop(0)
    return quantity


def net_off(lots: list[Lot], signed: int, price: int, day: date) -> None:
    """Apply a trade to signed lots by FIFO: close the oldest, open with the rest."""
    while signed and lots and (lots[0].quantity > 0) != (signed > 0):
        closed = min(abs(signed), abs(lots[0].quantity))
        sign = 1 if signed > 0 else -1
        lots[0].quantity += sign * closed
        signed -= sign * closed
        if not lots[0].quantity:
            lots.pop(0)
    if signed:
        lots.append(Lot(signed, price, day))


class Account:
    """Everything the exchange knows of one client.

    Attributes:
        opened: Whether somebody asked for it: the exchange's own people leave it alone.
        charged: Whether its trades cost what they cost at a broker.
        paid: What each charged trade cost, of all days.
    """

    def __init__(
        self, user_id: str, cash: int, *, opened: bool = False, charged: bool = False
    ) -> None:
        self.user_id = user_id
        self.opened = opened
        self.charged = charged
        self.paid: list[tuple[Fill, Charges]] = []
        self.cash = cash
        self.opening_cash = cash
        self.version = 0
        self.orders: dict[str, Order] = {}
        self.fills: list[Fill] = []
        self.earlier_orders: list[Order] = []
        self.earlier_fills: list[Fill] = []
        self.today: dict[tuple[str, str], DayTotals] = {}
        self.carried: dict[tuple[str, str], Carried] = {}
        self.holdings: dict[str, Holding] = {}
        self.settled_before: date = date.min

    def record(self, fill: Fill, earlier: int = 0) -> None:
        """Book one trade, and what it costs where that is charged.

        Args:
            fill: The trade.
            earlier: The value of its order's earlier trades, in millionths.
        """
        key = (fill.instrument.key, fill.product)
        totals = self.today.get(key)
        if totals is None:
            totals = self.today[key] = DayTotals(fill.instrument, fill.product)
        if fill.side == "BUY":
            totals.buy_quantity += fill.quantity
            totals.buy_value += fill.value
            self.cash -= fill.value
        else:
            totals.sell_quantity += fill.quantity
            totals.sell_value += fill.value
            self.cash += fill.value
        if self.charged:
            owed = charges.due(fill, earlier)
            self.paid.append((fill, owed))
            self.cash -= owed.total
        self.fills.append(fill)
        self.version += 1

    def net(self, instrument: Instrument, product: str) -> int:
        """Give the net position in one instrument and product, carried and of today."""
        key = (instrument.key, product)
        carried, totals = self.carried.get(key), self.today.get(key)
        return (carried.quantity if carried else 0) + (totals.net if totals else 0)

    def positions(self) -> Iterator[tuple[DayTotals, Carried]]:
        """Give every position, with empty halves filled in."""
        for key in {**self.carried, **self.today}:
            totals, carried = self.today.get(key), self.carried.get(key)
            source = totals or carried
            if source is not None:
                item, product = source.instrument, source.product
                yield totals or DayTotals(item, product), carried or Carried(item, product)

    def delivery_net(self, isin: str) -> int:
        """Give today's net delivery trade in one share, over both exchanges."""
        return sum(
            totals.net
            for totals in self.today.values()
            if totals.product == "CNC" and totals.instrument.isin == isin
        )

    def open_orders(self) -> Iterator[Order]:
        """Give today's orders that can still fill."""
        return (order for order in self.orders.values() if order.is_open)

    def sellable(self, isin: str) -> int:
        """Give the shares that may still be sold for delivery: held, bought today, not on offer."""
        holding = self.holdings.get(isin)
        on_offer = sum(
            order.leaves
            for order in self.open_orders()
            if order.product == "CNC" and order.side == "SELL" and order.instrument.isin == isin
        )
        return (holding.quantity if holding else 0) + self.delivery_net(isin) - on_offer

    def turn(self, day: date) -> None:
        """Close the books of a day: delivery goes to holdings, the rest is carried."""
        deliveries: dict[str, list[Fill]] = {}
        for fill in self.fills:
            if fill.product == "CNC":
                deliveries.setdefault(fill.instrument.isin, []).append(fill)
                continue
            key = (fill.instrument.key, fill.product)
            carried = self.carried.setdefault(key, Carried(fill.instrument, fill.product))
            net_off(carried.lots, fill.signed, fill.price, day)
        for isin, fills in deliveries.items():
            self._deliver(isin, fills, day)
        self.carried = {key: held for key, held in self.carried.items() if held.lots}
        self.earlier_fills.extend(self.fills)
        self.earlier_orders.extend(o for o in self.orders.values() if not o.is_open)
        self.orders = {key: order for key, order in self.orders.items() if order.is_open}
        self.fills, self.today = [], {}
        self.settled_before = day
        self.version += 1

    def _deliver(self, isin: str, fills: list[Fill], day: date) -> None:
        """Net a day's buys and sales, then touch the old lots."""
        bought = [Lot(fill.quantity, fill.price, day) for fill in fills if fill.side == "BUY"]
        sold = sum(fill.quantity for fill in fills if fill.side == "SELL")
        holding = self.holdings.setdefault(isin, Holding(fills[0].instrument))
        consume(holding.lots, consume(bought, sold))
        holding.lots.extend(bought)
        if not holding.lots:
            del self.holdings[isin]
