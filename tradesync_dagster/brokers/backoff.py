"""How long to wait before a request is sent again.

What belongs here: reading ``Retry-After``, and the jitter. What does not: whether to send again
(``transport``).
"""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def full_jitter(rng: random.Random, base: float, attempt: int, longest: float) -> float:
    """Draw a wait in seconds: anywhere from nothing to twice as much with every attempt.

    Full jitter spreads many accounts that failed together over the whole stretch.
    """
    return rng.uniform(0.0, min(base * 2.0 ** (attempt - 1), longest))


def http_time(header: str) -> datetime | None:
    """Read an HTTP date as aware UTC; ``None`` where it is none."""
    try:
        at = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        return None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read ``Retry-After``, be it seconds or a date.

    Args:
        headers: Of the answer. A date is held against its ``Date``, so that a broker's wrong
            clock does no harm.
        now: Our time, where it has no ``Date``.

    Returns:
        Seconds to wait, not negative; ``None`` where the header is missing or unreadable.
    """
    header = headers.get("Retry-After", "").strip()
    if header.isascii() and header.isdigit():
        return float(header[:9])
    at = http_time(header)
    if at is None:
        return None
    return max(0.0, (at - (http_time(headers.get("Date", "")) or now)).total_seconds())
