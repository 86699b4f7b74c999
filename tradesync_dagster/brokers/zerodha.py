"""Zerodha: Kite Connect v3 at Kite's own address.

What belongs here: where Zerodha is, and what its session's end asks for. What does not: Kite's wire
format (``kite``), logging in (``zerodha_login``).
"""

from typing import ClassVar

from tradesync_dagster.brokers.kite import KiteClient
from tradesync_dagster.brokers.kite_errors import Speaker

SPEAKER = Speaker(
    "ZERODHA",
    "the session of {account} has ended: {what}; log in with `tradesync login {account}`",
)


class ZerodhaClient(KiteClient):
    """One account at Zerodha."""

    SPEAKER: ClassVar[Speaker] = SPEAKER
    BASE_URL: ClassVar[str] = "https://api.kite.trade"
