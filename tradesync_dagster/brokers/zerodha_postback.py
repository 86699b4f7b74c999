"""Kite's postback: a message that an order changed, which only its own account can have signed.

What it says of the order is not believed: it is a hint to look at the book. What belongs here:
whether it is Zerodha's. What does not: the look (``sync.monitoring``), the route (``api.hints``).
"""

import json
from hashlib import sha256
from hmac import compare_digest
from typing import Final

SIGNED: Final = ("order_id", "order_timestamp")
"""What the checksum is made of, with the account's api_secret after it."""


def is_genuine(body: bytes, api_secret: str) -> bool:
    """Tell whether a message was signed with an account's secret, in constant time.

    Args:
        body: As it came, of a bounded length.
        api_secret: The secret of the account's Kite application.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(message, dict):
        return False
    parts = [message.get(name) for name in (*SIGNED, "checksum")]
    if not all(isinstance(part, str) and part for part in parts):
        return False
    order_id, timestamp, checksum = (str(part) for part in parts)
    expected = sha256(f"{order_id}{timestamp}{api_secret}".encode(errors="replace")).hexdigest()
    return compare_digest(expected.encode(), checksum.encode(errors="replace"))
