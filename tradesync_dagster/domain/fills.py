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
        filled_at: The exchange's time of the trade, UTC; never made up.
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

    @property
    def fill_id(self) -> str:
        """The fill's identity within its account and trade date.

        The side is part of it: an account that trades with itself has one trade id twice.
        """
        return f"{self.exchange}:{self.trade_id}:{self.side}"
