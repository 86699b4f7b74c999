"""What every trade history is read into, and the words that the formats share.

What belongs here: the row, the chunk, exchanges and products. What does not: a file's bytes
(``file_reading``), a format's fields (``console``, ``upstox_history``).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tradesync_dagster.brokers import file_reading, reading
from tradesync_dagster.domain.answers import Reject
from tradesync_dagster.domain.errors import ValueRefusedError
from tradesync_dagster.domain.fills import Fill

_SHOWN = 40
_SHORTENED = re.compile(r"\d(\.\d+)?[eE]\+?\d+", re.ASCII)
_EXPONENT = re.compile(r"[-+]?[\d.]+[eE][-+]?\d+", re.ASCII)

_DELIVERY, _CARRIED = "CNC", "NRML"
_EXCHANGES = {
    ("NSE", "EQ"): "NSE", ("BSE", "EQ"): "BSE",
    ("NSE", "FO"): "NFO", ("NFO", "FO"): "NFO",
    ("BSE", "FO"): "BFO", ("BFO", "FO"): "BFO",
    ("NSE", "CDS"): "CDS", ("NSE", "CD"): "CDS", ("CDS", "CDS"): "CDS", ("CDS", "CD"): "CDS",
    ("BSE", "CDS"): "BCD", ("BSE", "CD"): "BCD", ("BSE", "BCD"): "BCD", ("BCD", "BCD"): "BCD",
    ("BCD", "CDS"): "BCD", ("BCD", "CD"): "BCD",
    ("MCX", "COM"): "MCX", ("NSE", "COM"): "NCO", ("NCO", "COM"): "NCO", ("NSCOM", "COM"): "NCO",
}  # fmt: skip
"""Kite's exchange word by a file's exchange and segment: files name the exchange house (NSE), or
the exchange as the trading API does (NFO)."""


@dataclass(frozen=True, slots=True)
class ReadRow:
    """One row of a file: a fill, or why it is none.

    Attributes:
        line: Where it stands: the line of a CSV file from 1, the trade of a JSON file from 1.
    """

    line: int
    fill: Fill | None = None
    reject: Reject | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a file, in its order.

    Attributes:
        read: Bytes of the file read so far.
        repeated: Rows left out because an earlier row of the file says exactly the same.
        notices: What people should know about the file as a whole, in sentences.
    """

    rows: tuple[ReadRow, ...]
    read: int
    repeated: int = 0
    notices: tuple[str, ...] = ()


def place(row: Mapping[str, Any]) -> tuple[str, str]:
    """Read exchange and segment as our exchange word and the product.

    No tradebook has a product. What could be delivered is taken as CNC and the rest as NRML. The
    books net a day's CNC buys and sells as intraday, so that intraday trades come out right too.

    Raises:
        ValueRefusedError: The pair is none that the books keep.
    """
    house = reading.text(row, "exchange").upper()
    segment = reading.text(row, "segment").upper()
    if segment == "MF":
        raise ValueRefusedError("segment: MF, and these books keep no mutual funds")
    exchange = _EXCHANGES.get((house, segment))
    if exchange is None:
        raise ValueRefusedError(
            f"exchange: {house[:_SHOWN]!r} with segment {segment[:_SHOWN]!r} is no known pair"
        )
    return exchange, _DELIVERY if segment == "EQ" else _CARRIED


def identity(row: Mapping[str, Any], name: str) -> str:
    """Read an id; refuse one that a spreadsheet wrote as 1.1E+15, for its digits are lost."""
    value = reading.text(row, name)
    if _SHORTENED.fullmatch(value):
        raise _shortened(value, name)
    return value


def number(text: str, name: str) -> dict[str, str]:
    """Return a number's text as a row to read it from; refuse one such as 1.23457E+5.

    A spreadsheet writes so what it has rounded, and no broker does in CSV.

    Raises:
        ValueRefusedError: It has an exponent.
    """
    if _EXPONENT.fullmatch(text):
        raise _shortened(text, name)
    return {name: text}


def _shortened(value: str, name: str) -> ValueRefusedError:
    return ValueRefusedError(
        f"{name}: {value[:_SHOWN]!r} was shortened by a spreadsheet; import the file as "
        "downloaded, not as saved from there"
    )


def isin(row: Mapping[str, Any]) -> str:
    """Read the security; empty unless it has the shape of an ISIN, as some files write NA.

    Fills of one ISIN are matched with one another, so that a filler word must never pass for one.
    """
    value = reading.optional_text(row, "isin").upper()
    return value if file_reading.ISIN.fullmatch(value) else ""
