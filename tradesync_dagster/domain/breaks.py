"""Breaks: differences between what the books and the brokers say, stored until explained.

What belongs here: the break. What does not: finding one (``external``, ``positions``).
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


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
