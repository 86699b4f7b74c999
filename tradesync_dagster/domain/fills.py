"""Fills: single executions, the facts that positions are made of.

What belongs here: the fill and its identity. What does not: matching (``fifo``), netting and
valuation (``positions``).
"""

from dataclasses import dataclass
from datetime import date, datetime

from tradesync_dagster.domain.orders import Side


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution at the exchange.

    Attributes:
        trade_id: The exchange's id, unique within exchange and trade date.
        trade_date: The exchange's day (Asia/Kolkata).
        quantity: Shares or contracts, positive.
        price: In millionths of the currency.
        filled_at: The exchange's time of the trade, UTC; never made up. A source that tells only
            the day (Upstox's trade history) gives the start of that day in Asia/Kolkata.
        isin: The security, where the source names it; empty otherwise.
    """

    trade_id: str
    broker_order_id: str
    trade_date: date
    exchange: str
    symbol: str
    product: str
    side: Side
    quantity: int
    price: int
    filled_at: datetime
    isin: str = ""

    @property
    def fill_id(self) -> str:
        """The fill's identity within its account and trade date.

        The side is part of it: an account that trades with itself has one trade id twice.
        """
        return f"{self.exchange}:{self.trade_id}:{self.side}"

    def same_trade(self, other: "Fill") -> bool:
        """Tell whether two reports of one fill agree on what was traded.

        Product, order and time are left out: a tradebook has no product, and sources round the
        time differently.

        Args:
            other: Another report under the same id.

        Returns:
            Whether instrument, side, quantity and price are equal.
        """
        return (self.exchange, self.symbol, self.side, self.quantity, self.price) == (
            other.exchange,
            other.symbol,
            other.side,
            other.quantity,
            other.price,
        )
