"""What attribution reads and keeps, and what a transaction offers for it.

What belongs here: strategies, claims, owned orders and decisions as they are stored, and their
Protocol. What does not: weighing them (``attribution``), SQL (``store.attribution``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID, uuid5

from tradesync_dagster.domain.orders import OrderEvent, Side

_NAMESPACE = UUID("0e1f6c0a-3f0b-5d55-8f3c-6a5d3d7a9c42")
"""Names claims. Changing it would name every claim anew: never do."""

ASSIGNED: Final = "assigned"
UNDONE: Final = "assignment_undone"
OWNER_EVENTS: Final = ("attributed", ASSIGNED, UNDONE)
"""Kinds of events that change an order's owner once it is known."""

OpenUnits = Mapping[tuple[int, str, str, str], int]
"""Signed units that strategies have open, by (account id, strategy id, instrument, product)."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """One of an organization's strategies.

    Attributes:
        name: For people; tags may use it too.
        automatic: Whether it only takes what nobody owns.
        created_at: UTC.
    """

    organization_id: str
    strategy_id: str
    name: str
    automatic: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody's word that an instrument is a strategy's.

    Attributes:
        account_id: In this account; ``None`` for all of the organization's.
        created_at: UTC.
        who: Who says so.
    """

    organization_id: str
    account_id: int | None
    strategy_id: str
    exchange: str
    symbol: str
    created_at: datetime
    who: str

    @property
    def claim_id(self) -> UUID:
        """What names the claim, the same however often it is made."""
        account = "" if self.account_id is None else str(self.account_id)
        names = (self.organization_id, account, self.strategy_id, self.exchange, self.symbol)
        return uuid5(_NAMESPACE, "|".join(names))


@dataclass(frozen=True, slots=True)
class OwnedOrder:
    """An order that a strategy owns, or its part of one.

    Attributes:
        quantity: Units that are the strategy's.
        working: Of them, those that may still trade.
        placed_at: UTC.
        guessed: Whether attribution made the owner, and no person or placement did.
    """

    account_id: int
    strategy_id: str
    exchange: str
    symbol: str
    product: str
    side: Side
    quantity: int
    working: int
    trade_date: date
    placed_at: datetime
    guessed: bool


@dataclass(frozen=True, slots=True)
class Attribution:
    """A decision as it is stored, one an order and version of the rules.

    Attributes:
        strategy_id: The owner; empty where the order stayed unassigned.
        parts: See ``attribution.parts_of``.
    """

    order_id: UUID
    version: str
    decided_at: datetime
    strategy_id: str
    score: int
    runner_up: str
    parts: Mapping[str, Any]


class AttributionRows(Protocol):
    """Strategies, claims, and decisions on external orders."""

    def strategies(self, organization_ids: Sequence[str] | None) -> list[Strategy]:
        """Read organizations' strategies by key; ``None`` for all."""
        ...

    def add_strategies(self, strategies: Iterable[Strategy]) -> None:
        """Insert strategies that are not there yet."""
        ...

    def claims(self, organization_ids: Sequence[str] | None) -> list[Claim]:
        """Read organizations' claims; ``None`` for all."""
        ...

    def owned_orders(self, account_ids: Sequence[int], since: date) -> list[OwnedOrder]:
        """Read the orders of ``since`` or later that strategies own, one a strategy and order."""
        ...

    def owner_events(self, order_ids: Sequence[UUID]) -> dict[UUID, list[OrderEvent]]:
        """Read what has changed the owners of orders, oldest first; an order without is left out.

        Args:
            order_ids: Whose.

        Returns:
            Events of ``OWNER_EVENTS`` by order.
        """
        ...

    def open_units(self, account_ids: Sequence[int]) -> OpenUnits:
        """Sum up what strategies have open now."""
        ...

    def put_attributions(self, attributions: Iterable[Attribution]) -> None:
        """Insert or replace decisions."""
        ...
