"""What a transaction offers to placements: limits and halts.

What belongs here: the Protocol. What does not: the rules (``order_limits``), SQL (``store``).
"""

from datetime import datetime
from typing import Protocol

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.order_limits import Halt, Limits


class TradingRows(Protocol):
    """The limits of accounts, and what is halted."""

    def halts_on(self, account: Account) -> list[Halt]:
        """Read the halts that stop an account now: its own and wider ones.

        Those of the account whose paper twin it is stop it too.
        """
        ...

    def halt(self, halt: Halt) -> bool:
        """Keep a halt; tell whether it is new, for one that is on already stays as it is."""
        ...

    def limits(self, account_id: int) -> Limits:
        """Read an account's limits; the defaults where none were set."""
        ...

    def put_limits(self, account_id: int, limits: Limits, who: str, at: datetime) -> None:
        """Set an account's limits."""
        ...

    def instrument(self, exchange: str, symbol: str) -> tuple[int, int | None] | None:
        """Read an instrument's (multiplier, last price or None); ``None`` where it is unknown."""
        ...
