"""What a transaction offers to those who tell: who does not want to know what.

What belongs here: the Protocol. What does not: SQL (``store.preferences``).
"""

from collections.abc import Sequence
from typing import Protocol

from tradesync_dagster.domain.notifications import Happening


class PreferenceRows(Protocol):
    """Preferences of organizations."""

    def unwanted(self, account_ids: Sequence[int]) -> set[tuple[int, str, Happening]]:
        """Read what is not wanted: (account id, recipient, happening)."""
        ...
