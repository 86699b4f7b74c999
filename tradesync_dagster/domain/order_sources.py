"""Where an order came from, told from the fields that its broker's row really has.

One table a broker: a field, what it must say, and the source that this proves, the first rule that
fits winning. Nothing is inferred from times, prices or products, however likely: what no rule
proves is ``unknown``. What belongs here: the tables and reading them. What does not: whether an
order is ours (``external``), the rest of a row (``brokers``).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final


class OrderSource(StrEnum):
    """What placed an order, as far as its broker tells.

    ``BY_HAND`` is the broker's own app or web page, ``SQUARE_OFF`` the broker's risk desk,
    ``AUTO_SLICE`` a part of an order that the broker cut, ``GTT`` a standing order that was
    triggered, ``OTHER_API`` a program, ours or a stranger's.
    """

    BY_HAND = "by_hand"
    SQUARE_OFF = "square_off"
    AUTO_SLICE = "auto_slice"
    AUCTION = "auction"
    GTT = "gtt"
    OTHER_API = "other_api"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Proof:
    """A field and what it says when an order came from a source.

    Attributes:
        field: Of the broker's row. A list is read word by word, an object by its keys.
        says: Must fit a whole word.
        source: What it proves.
    """

    field: str
    says: re.Pattern[str]
    source: OrderSource


def _proof(field: str, says: str, source: OrderSource) -> Proof:
    return Proof(field, re.compile(says, re.ASCII | re.DOTALL), source)


KITE: Final = (
    _proof("placed_by", r"ADMINSQF|RMS\d*", OrderSource.SQUARE_OFF),
    _proof("variety", "auction", OrderSource.AUCTION),
    _proof("auction_number", ".+", OrderSource.AUCTION),
    _proof("variety", "iceberg", OrderSource.AUTO_SLICE),
    _proof("meta", "iceberg", OrderSource.AUTO_SLICE),
    _proof("tags", r"autoslice(:\w+)?", OrderSource.AUTO_SLICE),
    _proof("tag", ".+", OrderSource.OTHER_API),
)
"""Kite Connect, as Zerodha speaks it. ``placed_by`` is documented as not the user's own for orders
placed outside Kite; ADMINSQF and RMS with a number are what Zerodha's square-offs bear. Varieties,
``meta.iceberg`` and ``auction_number`` are in its documentation and its published samples; that
slices are tagged ``autoslice``, later ones with the first one's id, is its staff's word in its
forum. A tag is what a program gave on placing. A triggered GTT and an order from the app look like
any other: unknown."""

UPSTOX: Final = (
    _proof("order_ref_id", "GTT-.+", OrderSource.GTT),
    _proof("tag", ".+", OrderSource.OTHER_API),
)
"""Upstox. A triggered GTT bears its number as the reference, as its documentation of order details
shows; a tag is what a program gave on placing. Slices and square-offs have no mark."""

KOTAK: Final = (
    _proof("ordSrc", "ADMINCPPAPI_(MOB|WEB)", OrderSource.BY_HAND),
    _proof("ordSrc", r"ADMINCPPAPI_(NEOTRADEAPI|TRADEAPI|FINTECH\d*)", OrderSource.OTHER_API),
)
"""Kotak Neo. ``ordSrc`` ends in the source that the placement named: MOB and WEB are its app and
its pages, NEOTRADEAPI what its API clients send, FINTECH001 what its documentation shows. It is
empty or another word at times, and nothing else in a row tells: unknown."""

AUTOTRADER: Final = (_proof("publisherId", ".+", OrderSource.OTHER_API),)
"""AutoTrader. ``publisherId`` is what a client of its API gave on placing; of orders that came to
the stock broker by other ways it tells nothing."""


def source_of(proofs: tuple[Proof, ...], row: Mapping[str, Any]) -> OrderSource:
    """Tell where an order came from.

    Args:
        proofs: The broker's table.
        row: Of its order book, as parsed.

    Returns:
        What the first rule that fits proves; ``UNKNOWN`` where none does.
    """
    for proof in proofs:
        if any(proof.says.fullmatch(word) for word in _words(row.get(proof.field))):
            return proof.source
    return OrderSource.UNKNOWN


def _words(value: object) -> Iterator[str]:
    listed = value if isinstance(value, list | Mapping) else [value]
    for word in listed:
        if isinstance(word, str | int) and not isinstance(word, bool):
            yield str(word).strip()
