"""Positions and holdings in figures, before any broker's names for them.

Belongs here: what a position or a holding comes to, in integers, worked out once for all faces.
Does not belong here: field names, signs and roundings of one broker (kite_wire.py, ...).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tradesync_dagster.brokers.exchange.instruments import Instrument
from tradesync_dagster.brokers.exchange.ledger import Account, Carried, DayTotals, Holding, cost
from tradesync_dagster.brokers.exchange.market import Market
from tradesync_dagster.brokers.exchange.tape import Tape
from tradesync_dagster.brokers.exchange.units import average


@dataclass(frozen=True, slots=True)
class PositionFigures:
    """One position: what was carried and today's trades together; money in millionths.

    `buys` and `sells` are quantities with the carried ones, `buy_value` and `sell_value` what
    they cost and brought with the multiplier; the m2m values take carried ones at the close.
    """

    totals: DayTotals
    overnight: int
    quantity: int
    last: int
    close: int
    buys: int
    sells: int
    buy_value: int
    sell_value: int
    buy_m2m: int
    sell_m2m: int

    @property
    def item(self) -> Instrument:
        """What it is a position in."""
        return self.totals.instrument

    @property
    def buy_price(self) -> int:
        """The mean price bought at."""
        return average(self.buy_value, self.buys * self.item.multiplier)

    @property
    def sell_price(self) -> int:
        """The mean price sold at."""
        return average(self.sell_value, self.sells * self.item.multiplier)

    @property
    def average_price(self) -> int:
        """The mean price of the open side; 0 when nothing is open."""
        return (self.buy_price if self.quantity > 0 else self.sell_price) if self.quantity else 0

    @property
    def worth(self) -> int:
        """What the open quantity is worth at the last price."""
        return self.quantity * self.last * self.item.multiplier

    @property
    def pnl(self) -> int:
        """Profit and loss, realised or not."""
        return self.sell_value - self.buy_value + self.worth

    @property
    def day_buy_price(self) -> int:
        """The mean price bought at today."""
        return average(self.totals.buy_value, self.totals.buy_quantity * self.item.multiplier)

    @property
    def day_sell_price(self) -> int:
        """The mean price sold at today."""
        return average(self.totals.sell_value, self.totals.sell_quantity * self.item.multiplier)


def position(tape: Tape, totals: DayTotals, carried: Carried) -> PositionFigures:
    """Work one position out."""
    item = totals.instrument
    close, overnight = tape.closes[item.key], carried.quantity
    long, short = max(overnight, 0), max(-overnight, 0)
    return PositionFigures(
        totals=totals,
        overnight=overnight,
        quantity=overnight + totals.net,
        last=tape.last[item.key],
        close=close,
        buys=long + totals.buy_quantity,
        sells=short + totals.sell_quantity,
        buy_value=totals.buy_value + max(carried.value, 0),
        sell_value=totals.sell_value + max(-carried.value, 0),
        buy_m2m=totals.buy_value + long * close * item.multiplier,
        sell_m2m=totals.sell_value + short * close * item.multiplier,
    )


def positions(market: Market, account: Account) -> Iterator[PositionFigures]:
    """Work every position out, flat ones of today included."""
    return (position(market.tape, *pair) for pair in account.positions())


def of_today(market: Market, net: Iterable[PositionFigures]) -> Iterator[PositionFigures]:
    """Work those traded in today out again, as if nothing had been carried into the day."""
    for one in net:
        if one.totals.buy_quantity or one.totals.sell_quantity:
            yield position(market.tape, one.totals, Carried(one.item, one.totals.product))


@dataclass(frozen=True, slots=True)
class HoldingFigures:
    """One holding: as the day opened, and what of it was sold today, settled shares first."""

    isin: str
    item: Instrument
    opening: int
    unsettled: int
    sold: int
    price: int
    last: int
    close: int

    @property
    def settled(self) -> int:
        """Settled shares as the day opened."""
        return self.opening - self.unsettled

    @property
    def free(self) -> int:
        """Settled shares left."""
        return max(self.settled - self.sold, 0)

    @property
    def unsettled_left(self) -> int:
        """Shares bought on the last trading day that are left."""
        return self.unsettled - max(self.sold - self.settled, 0)


def holdings(market: Market, account: Account) -> Iterator[HoldingFigures]:
    """Work every holding out."""
    return (_holding(market, account, *pair) for pair in account.holdings.items())


def _holding(market: Market, account: Account, isin: str, held: Holding) -> HoldingFigures:
    item, opening = held.instrument, held.quantity
    return HoldingFigures(
        isin=isin,
        item=item,
        opening=opening,
        unsettled=held.unsettled(account.settled_before),
        sold=min(max(-account.delivery_net(isin), 0), opening),
        price=average(cost(held.lots), opening),
        last=market.tape.last[item.key],
        close=market.tape.closes[item.key],
    )
