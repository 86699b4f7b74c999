"""Amounts of money in the words with which brokers refuse an order for lack of margin.

Forms seen, amounts with or without a currency sign, brackets and thousands separators::

    Zerodha  Required margin is A but available margin is B
             Margin required: A. Margin available: B
    Upstox   You need to add Rs. C in your account
    Kotak    RMS:Margin Exceeds,Cash Available:B,Additional margin required:C
    RMS      Margin Exceeds,Required:A, Available:B
    XTS      Total Required Margin:[A] Available Margin[B] Margin Shortfall[C]

What belongs here: reading these amounts exactly. What does not: what is done about them.
"""

import re
from dataclasses import dataclass

from tradesync_dagster.domain import money
from tradesync_dagster.domain.errors import OrderRejectedError, ValueRefusedError

_LONGEST = 4096
_GAP = r"[\s:=]{0,4}(?:is\s{1,3})?(?:of\s{1,3})?[\[(]?\s{0,3}(?:rs\.?|inr|\u20b9)?\s{0,3}"
"""Between a name and its amount; every part is bounded, so that no text takes long."""
_WHOLE = r"(?:\d{1,3}(?:,\d{2,3}){0,6},\d{3}|\d{1,20})"
_AMOUNT = rf"([+-]?{_WHOLE}(?:\.\d{{1,20}})?)(?![\d.,]{{0,40}}\d|\.\.)"
"""An amount to its last digit: nothing of a longer number, or of one cut off with dots."""


def _pattern(*names: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(names)}){_GAP}{_AMOUNT}", re.IGNORECASE | re.ASCII)


_SHORTFALL = _pattern(
    r"additional\s{1,3}margin\s{1,3}required",
    r"(?:margin\s{1,3})?short\s?fall",
    r"need\s{1,3}to\s{1,3}add",
)
_AVAILABLE = _pattern(
    r"(?:margin|cash|funds?)\s{1,3}available",
    r"available\s{1,3}(?:margin|cash|funds?|balance)",
    r"available",
)
_REQUIRED = _pattern(
    r"margin\s{1,3}required", r"required\s{1,3}(?:margin|funds?|amount)", r"required"
)


@dataclass(frozen=True, slots=True)
class MarginAmounts:
    """What a refusal says about money, in millionths; ``None`` where it does not say.

    Attributes:
        required: What the order needs.
        available: What there is; may be negative.
        shortfall: What is missing; the difference of the two where the words give only them.
    """

    required: int | None = None
    available: int | None = None
    shortfall: int | None = None


def read_margin(text: str) -> MarginAmounts:
    """Read the amounts of a refusal.

    Args:
        text: A broker's words.

    Returns:
        What could be read exactly. An amount that is named twice and differs is not guessed at.
    """
    words = text if len(text) <= _LONGEST else text[:_LONGEST].rpartition(" ")[0]
    shortfall = _amount(_SHORTFALL, words)
    rest = _SHORTFALL.sub(" ", words)  # "additional margin required" is no required margin
    required, available = _amount(_REQUIRED, rest), _amount(_AVAILABLE, rest)
    if shortfall is None and required is not None and available is not None:
        shortfall = required - available if required > available else None
    return MarginAmounts(required, available, shortfall)


def _amount(pattern: re.Pattern[str], text: str) -> int | None:
    try:
        found = {money.parse_price(amount.replace(",", "")) for amount in pattern.findall(text)}
    except ValueRefusedError:
        return None
    return found.pop() if len(found) == 1 else None


def order_rejected(broker: str, endpoint: str, what: str, reason: str) -> OrderRejectedError:
    """Build the error of a refused order with the amounts that its reason names.

    Args:
        broker: The broker's name.
        endpoint: The call that failed.
        what: One sentence without credentials.
        reason: The broker's own words, without credentials.
    """
    margin = read_margin(reason)
    return OrderRejectedError(
        broker,
        endpoint,
        what,
        reason=reason,
        required=margin.required,
        available=margin.available,
        shortfall=margin.shortfall,
    )
