"""Paper twins: the paper account that a real account trades through while it is on paper.

The books of the real account go on following its broker; what is tried out is in the twin's. What
belongs here: the values and their Protocol. What does not: making and switching (``sync.twins``).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

LIVE, PAPER = "live", "paper"
SUFFIX = "-paper"
"""What a twin's name ends in."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where an account's orders go.

    Attributes:
        twin_id: Its paper account.
        through: ``live`` or ``paper``.
        changed_at: UTC.
    """

    account_id: int
    twin_id: int
    through: str
    who: str
    changed_at: datetime


class RouteRows(Protocol):
    """Where accounts trade."""

    def routes(self) -> list[Route]:
        """Read all; an account without one trades at its own broker."""
        ...

    def put_route(self, route: Route) -> None:
        """Insert or replace one."""
        ...
