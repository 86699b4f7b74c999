"""Facts about instruments and accounts that books need besides fills; each is an explicit record.

What belongs here: opening balances, corporate actions, product conversions, expiries. What does
not: applying them (``bookkeeping``), trades (``fills``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from tradesync_dagster.domain.orders import Side

PRODUCTS = ("CNC", "MIS", "NRML", "MTF")
"""What a person may call a product; a mistyped one would silently make a queue of its own."""
DELIVERY = frozenset({"CNC", "MTF"})
"""Products whose shares settle into holdings."""

TWINS = {"NSE": "BSE", "BSE": "NSE"}
"""Where else a share is listed."""


@dataclass(frozen=True, slots=True)
class OpeningBalance:
    """What the broker said an account held when its books begin.

    It becomes one lot at the broker's average price for what the known fills before that day do
    not explain; the lot's fill id says that it is assumed.

    Attributes:
        trade_date: The day at whose start it was held.
        quantity: Signed, ``t1_quantity`` included.
        t1_quantity: Of it, bought the trading day before.
        average_price: In millionths, as the broker rounds it.
    """

    account_id: int
    exchange: str
    symbol: str
    product: str
    isin: str
    trade_date: date
    quantity: int
    t1_quantity: int
    average_price: int


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """A split, a bonus issue or a consolidation: so many shares after for so many before.

    Attributes:
        isin: Of the shares before it.
        ex_date: From this trading day on the new shares trade.
        kind: ``split``, ``bonus`` or ``consolidation``.
        new_isin: Of the shares after it; empty if it stays (a split changes it in India).
    """

    isin: str
    ex_date: date
    kind: str
    shares_after: int
    shares_before: int
    new_isin: str = ""


@dataclass(frozen=True, slots=True)
class Conversion:
    """A broker's move of units from one product to another, without a trade.

    Attributes:
        side: Of the units moved: BUY for a long position.
        overnight: Whether units from before the day are moved; otherwise those of the day.
    """

    account_id: int
    conversion_id: str
    trade_date: date
    exchange: str
    symbol: str
    side: Side
    from_product: str
    to_product: str
    quantity: int
    overnight: bool


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end of a derivative: what is open then is closed at the settlement price.

    Attributes:
        price: In millionths; 0 for an option that ends worthless.
    """

    exchange: str
    symbol: str
    expiry: date
    price: int


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known besides fills.

    Attributes:
        isins: By (exchange, symbol); instruments without one are left out.
    """

    isins: Mapping[tuple[str, str], str] = field(default_factory=dict)
    openings: tuple[OpeningBalance, ...] = ()
    actions: tuple[CorporateAction, ...] = ()
    conversions: tuple[Conversion, ...] = ()
    settlements: tuple[Settlement, ...] = ()

    def instrument(self, exchange: str, symbol: str, product: str, isin: str = "") -> str:
        """Name what a queue trades.

        Shares for delivery are one thing on all exchanges, so their ISIN names them; where a
        corporate action replaced it, the newest one. Everything else is squared off where it was
        traded, and keeps its exchange and symbol.

        Args:
            exchange: Such as ``NSE``.
            symbol: The exchange's.
            product: Such as ``CNC``.
            isin: From the fill itself; looked up if empty.

        Returns:
            An ISIN, or ``EXCHANGE:SYMBOL``.
        """
        isin = isin or self.isins.get((exchange, symbol), "")
        if not isin and (twin := TWINS.get(exchange)):
            # Brokers tell the ISIN for one listing only; a share has one symbol on both exchanges.
            isin = self.isins.get((twin, symbol), "")
        if product not in DELIVERY or not isin:
            return f"{exchange}:{symbol}"
        return self.newest(isin)

    def newest(self, isin: str) -> str:
        """Follow corporate actions to the ISIN that stands for the same shares today.

        Args:
            isin: Any of the shares' ISINs.

        Returns:
            The last one.
        """
        successors = {a.isin: a.new_isin for a in self.actions if a.new_isin}
        seen = {isin}
        while (following := successors.get(isin, "")) and following not in seen:
            isin = following
            seen.add(isin)
        return isin
