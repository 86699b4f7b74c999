"""What a trade costs beside its price: brokerage, taxes and fees, by day, segment and side.

The rates are Zerodha's (zerodha.com/charges, its tables of equity and of commodity), as copies of
that page from before and after April 2026 agree on them; the page itself was not at hand. Two
things come from elsewhere: that the transaction tax on futures and options rose on 1 April 2026,
and that NSE's charge holds its levy for investor protection (0.0001%, of options 0.0005%), which
the page told apart until March 2026. Commodity rates are those of metals and energy. Days before
the first table take the first one.

Every part is rounded half up to a millionth of a rupee, for each trade; GST is taken of the rounded
parts. Brokers round the transaction tax and the stamp duty to whole rupees on a day's note, and
take shares bought and sold for delivery within one day for intraday: neither is done here. The
depository's fee for shares sold and the tax on exercised options are left out too.

Belongs here: the tables, and what one trade owes by them.
Does not belong here: who is charged, and out of what (ledger.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal

from tradesync_dagster.brokers.exchange.instruments import Instrument
from tradesync_dagster.brokers.exchange.orders import Fill
from tradesync_dagster.brokers.exchange.units import SCALE

_WHOLE = 10**9
"""Rates are kept in parts of this, as whole numbers."""


def _percent(text: str) -> int:
    parts = Decimal(text) * (_WHOLE // 100)
    if parts != int(parts):
        raise ValueError(f"a rate of {text}% has too many digits")
    return int(parts)


@dataclass(frozen=True, slots=True)
class Rates:
    """One segment's rates in percent of what changed hands, as the broker prints them.

    Attributes:
        brokerage: Of an order's value, at most ``_MOST_BROKERAGE``; ``None`` for just that.
        taxed: The transaction tax on a buy and on a sale.
        exchange: What the exchange takes, by its name.
        stamp: Stamp duty, on a buy.
    """

    brokerage: str | None
    taxed: tuple[str, str]
    exchange: Mapping[str, str]
    stamp: str


@dataclass(frozen=True, slots=True)
class Charges:
    """What is owed, in millionths of a rupee."""

    brokerage: int = 0
    stt: int = 0
    exchange: int = 0
    sebi: int = 0
    stamp: int = 0
    gst: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return sum(getattr(self, one.name) for one in fields(self))

    def __add__(self, other: "Charges") -> "Charges":
        """Add part by part."""
        names = [one.name for one in fields(self)]
        return Charges(*(getattr(self, name) + getattr(other, name) for name in names))


_SEBI = "0.0001"
_GST = "18"
_MOST_BROKERAGE = 20 * SCALE
_SHARES = {"NSE": "0.00307", "BSE": "0.00375"}
_UNCHANGED = {
    "delivery": Rates("0", ("0.1", "0.1"), _SHARES, "0.015"),
    "intraday": Rates("0.03", ("0", "0.025"), _SHARES, "0.003"),
    "commodity futures": Rates("0.03", ("0", "0.01"), {"MCX": "0.0021"}, "0.002"),
    "commodity options": Rates(None, ("0", "0.05"), {"MCX": "0.0418"}, "0.003"),
}
TABLES: tuple[tuple[date, Mapping[str, Rates]], ...] = (
    (
        date(2024, 10, 1),
        _UNCHANGED
        | {
            "futures": Rates("0.03", ("0", "0.02"), {"NFO": "0.00183"}, "0.002"),
            "options": Rates(None, ("0", "0.1"), {"NFO": "0.03553"}, "0.003"),
        },
    ),
    (
        date(2026, 4, 1),
        _UNCHANGED
        | {
            "futures": Rates("0.03", ("0", "0.05"), {"NFO": "0.00183"}, "0.002"),
            "options": Rates(None, ("0", "0.15"), {"NFO": "0.03553"}, "0.003"),
        },
    ),
)
"""Rates by segment, each table from its day on."""


def segment(item: Instrument, product: str) -> str:
    """Name the segment of a trade as the tables do."""
    if item.is_equity:
        return "delivery" if product == "CNC" else "intraday"
    kind = "options" if item.is_option else "futures"
    return f"commodity {kind}" if item.exchange == "MCX" else kind


def due(fill: Fill, earlier: int) -> Charges:
    """Work out what a trade owes.

    Args:
        fill: The trade.
        earlier: The value of its order's earlier trades, in millionths: brokerage has a most for
            an order, whatever the number of its trades.
    """
    rates = _on(fill.at.date())[segment(fill.instrument, fill.product)]
    bought = fill.side == "BUY"
    brokerage = _brokerage(rates, earlier + fill.value) - _brokerage(rates, earlier)
    exchange = _part(fill.value, rates.exchange[fill.instrument.exchange])
    sebi = _part(fill.value, _SEBI)
    return Charges(
        brokerage=brokerage,
        stt=_part(fill.value, rates.taxed[0 if bought else 1]),
        exchange=exchange,
        sebi=sebi,
        stamp=_part(fill.value, rates.stamp) if bought else 0,
        gst=_part(brokerage + exchange + sebi, _GST),
    )


def _on(day: date) -> Mapping[str, Rates]:
    return next((rates for since, rates in reversed(TABLES) if since <= day), TABLES[0][1])


def _brokerage(rates: Rates, value: int) -> int:
    if rates.brokerage is None:
        return _MOST_BROKERAGE if value else 0
    return min(_MOST_BROKERAGE, _part(value, rates.brokerage))


def _part(value: int, percent: str) -> int:
    """Take a percentage, rounded half up to a millionth."""
    return (2 * value * _percent(percent) + _WHOLE) // (2 * _WHOLE)
