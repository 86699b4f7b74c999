"""Breaks: differences between what the books and the brokers say, stored until explained.

What belongs here: the break. What does not: finding one (``external``, ``positions``).
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.money import format_price


@dataclass(frozen=True, slots=True)
class Break:
    """A difference that nobody has explained, stored once and counted.

    Attributes:
        kind: Such as ``book_shrank``, ``ambiguous_intent`` or ``filled_without_trades``.
        subject: What differs, such as an order id; one row per account, kind and subject.
        evidence: JSON-ready values, no floats.
    """

    account_id: int
    kind: str
    subject: str
    seen_at: datetime
    evidence: dict[str, Any] = field(default_factory=dict)


def fill_changed(account_id: int, stored: Fill, sent: Fill, at: datetime, source: str) -> Break:
    """Write the break between two reports of one fill that cannot both be true.

    Args:
        account_id: Whose.
        stored: What the books keep.
        sent: What came later.
        at: When, UTC.
        source: Who sent it: ``broker``, or the kind of file.

    Returns:
        The break; its day is part of the subject, since ids come again on other days.
    """
    evidence = {"source": source, "stored": _words(stored), "sent": _words(sent)}
    return Break(account_id, "fill_changed", f"{sent.trade_date}:{sent.fill_id}", at, evidence)


def _words(fill: Fill) -> str:
    price = format_price(fill.price)
    return f"{fill.side} {fill.quantity} {fill.exchange}:{fill.symbol} at {price} {fill.product}"
