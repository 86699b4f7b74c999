"""What can be traded: the fixed list of instruments of the simulated exchange.

Belongs here: instruments, their ids, ticks, lots, limits and opening prices.
Does not belong here: how prices move (tape.py) or how the list is written (the faces).
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta

from tradesync_dagster.brokers.exchange.units import SCALE

_EQUITIES = (
    ("RELIANCE", "Reliance Industries", 2841), ("INFY", "Infosys", 1530), ("TCS", "TCS", 3890),
    ("HDFCBANK", "HDFC Bank", 1645), ("ICICIBANK", "ICICI Bank", 1120), ("SBIN", "SBI", 795),
    ("ITC", "ITC", 431), ("LT", "Larsen & Toubro", 3555), ("AXISBANK", "Axis Bank", 1088),
    ("WIPRO", "Wipro", 512), ("TATASTEEL", "Tata Steel", 148), ("ONGC", "ONGC", 262),
    ("NTPC", "NTPC", 341), ("COALINDIA", "Coal India", 447), ("BHEL", "BHEL", 233),
    ("IOC", "Indian Oil", 164), ("GAIL", "GAIL", 188), ("HINDALCO", "Hindalco", 622),
    ("CIPLA", "Cipla", 1391), ("SUNPHARMA", "Sun Pharma", 1577), ("MARUTI", "Maruti", 11820),
    ("TITAN", "Titan", 3466), ("ASIANPAINT", "Asian Paints", 2870), ("NESTLEIND", "Nestle", 2495),
    ("BAJFINANCE", "Bajaj Finance", 6920), ("M&M", "Mahindra", 2133), ("VEDL", "Vedanta", 401),
    ("PNB", "PNB", 124), ("IDEA", "Vodafone Idea", 14), ("ZOMATO", "Zomato", 187),
)  # fmt: skip
_ON_BSE = ("RELIANCE", "INFY", "TCS", "SBIN", "ITC", "TATASTEEL", "BHEL", "IOC", "PNB", "IDEA")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True, slots=True)
class Instrument:
    """One listed instrument; money in millionths of a rupee."""

    token: int
    symbol: str
    exchange: str
    name: str
    isin: str
    kind: str
    tick: int
    lot: int
    multiplier: int
    freeze: int
    opening_price: int
    expiry: date | None = None
    strike: int = 0
    twin: str = ""

    @property
    def key(self) -> str:
        """Exchange and symbol, as quotes ask for it."""
        return f"{self.exchange}:{self.symbol}"

    @property
    def series_symbol(self) -> str:
        """The symbol as Upstox and Kotak trade it: shares at the NSE carry their series."""
        return f"{self.symbol}-EQ" if self.is_equity and self.exchange == "NSE" else self.symbol

    @property
    def segment(self) -> str:
        """The broker's segment word."""
        if self.kind == "EQ":
            return self.exchange
        return f"{self.exchange}-{'FUT' if self.kind == 'FUT' else 'OPT'}"

    @property
    def is_equity(self) -> bool:
        """Whether it can be held in a demat account."""
        return self.kind == "EQ"

    @property
    def is_option(self) -> bool:
        """Whether a premium is paid for it."""
        return self.kind in ("CE", "PE")

    @property
    def circuit(self) -> int:
        """The daily price band in percent."""
        return 10 if self.is_equity else 40 if self.is_option else 15


def isin_of(number: int) -> str:
    """Make an ISIN-like id with a right check digit from a company's number."""
    body = f"INE{number:03d}S01{number % 90 + 10:02d}"[:11].ljust(11, "0")
    digits = "".join(str(int(char, 36)) for char in body)
    total = 0
    for place, char in enumerate(reversed(digits)):
        doubled = int(char) * (2 if place % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return f"{body}{-total % 10}"


def _equities() -> list[Instrument]:
    listed = []
    for row, (symbol, name, price) in enumerate(_EQUITIES):
        isin = isin_of(101 + row * 7)
        tick = SCALE // 100 if price < 250 else SCALE // 20
        opening = price * SCALE
        nse = Instrument(
            256 * (1000 + row * 37) + 1, symbol, "NSE", name.upper(), isin, "EQ",
            tick, 1, 1, 100_000, opening,
        )  # fmt: skip
        listed.append(nse)
        if symbol in _ON_BSE:
            token = 256 * (500_000 + row * 11) + 4
            listed.append(replace(nse, token=token, exchange="BSE", twin=nse.key))
    return listed


def _derivatives(today: date) -> list[Instrument]:
    expiry = _expiry(today)
    code = f"{expiry.year % 100:02d}{MONTHS[expiry.month - 1]}"
    twentieth = SCALE // 20
    rows = (
        ("NIFTY", f"NIFTY{code}FUT", "NFO", "FUT", 75, 1, 1800, 24_350, 0, twentieth),
        ("BANKNIFTY", f"BANKNIFTY{code}FUT", "NFO", "FUT", 35, 1, 600, 52_140, 0, twentieth),
        ("SBIN", f"SBIN{code}FUT", "NFO", "FUT", 750, 1, 37_500, 799, 0, twentieth),
        ("NIFTY", f"NIFTY{code}24000CE", "NFO", "CE", 75, 1, 1800, 612, 24_000, twentieth),
        ("NIFTY", f"NIFTY{code}24500CE", "NFO", "CE", 75, 1, 1800, 338, 24_500, twentieth),
        ("NIFTY", f"NIFTY{code}24000PE", "NFO", "PE", 75, 1, 1800, 254, 24_000, twentieth),
        ("BANKNIFTY", f"BANKNIFTY{code}52000PE", "NFO", "PE", 35, 1, 600, 705, 52_000, twentieth),
        ("GOLDPETAL", f"GOLDPETAL{code}FUT", "MCX", "FUT", 1, 1, 10_000, 7_214, 0, SCALE),
        ("CRUDEOIL", f"CRUDEOIL{code}FUT", "MCX", "FUT", 1, 100, 10_000, 6_388, 0, SCALE),
    )
    listed = []
    for row, (
        name,
        symbol,
        exchange,
        kind,
        lot,
        multiplier,
        freeze,
        price,
        strike,
        tick,
    ) in enumerate(rows):
        token = 256 * (40_000 + row * 13) + (7 if exchange == "MCX" else 2)
        future = Instrument(
            token, symbol, exchange, name, "", kind, tick, lot, multiplier, freeze,
            price * SCALE, expiry, strike * SCALE,
        )  # fmt: skip
        listed.append(future)
    return listed


def _expiry(today: date) -> date:
    """Find the last Thursday of the month after the next."""
    month = today.month + 3
    after = date(today.year + (month - 1) // 12, (month - 1) % 12 + 1, 1)
    last = after - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - 3) % 7)


def listing(today: date) -> dict[str, Instrument]:
    """List every instrument by "EXCHANGE:SYMBOL", as it stands on the exchange's first day."""
    return {item.key: item for item in (*_equities(), *_derivatives(today))}
