"""What a transaction offers over fake orders: a Protocol.

What belongs here: claiming, reading and writing them. What does not: SQL (``store.fake_orders``).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from tradesync_dagster.domain.fake_orders import FakeOrder
from tradesync_dagster.domain.marks import Mark
from tradesync_dagster.domain.orders import OrderEvent


class FakeOrderRows(Protocol):
    """Fake orders, their events and marks."""

    def add_fake_orders(self, orders: Sequence[FakeOrder]) -> None:
        """Insert orders that are not there yet."""
        ...

    def next_due(self, until: datetime, organization_id: str | None = None) -> datetime | None:
        """Return the earliest due time of a pending order up to a moment, past ones too."""
        ...

    def claim_due(
        self, now: datetime, limit: int, organization_id: str | None = None
    ) -> list[FakeOrder]:
        """Take pending orders whose hour has come, earliest first, for this transaction alone."""
        ...

    def claim_marks(self, now: datetime, limit: int) -> list[FakeOrder]:
        """Take approved orders whose next mark is due, earliest first, for this transaction."""
        ...

    def put_fake_orders(self, orders: Iterable[FakeOrder]) -> None:
        """Bring orders up to date."""
        ...

    def add_fake_order_events(self, events: Iterable[OrderEvent]) -> None:
        """Add events; a repeated one changes nothing."""
        ...

    def add_marks(self, marks: Iterable[Mark]) -> None:
        """Add marks; one of the same order and moment stays as it is."""
        ...

    def fake_order(self, order_id: UUID) -> FakeOrder | None:
        """Read one order."""
        ...

    def fake_order_events(self, order_id: UUID) -> list[dict[str, Any]]:
        """Read an order's events, oldest first, as ``at``, ``kind`` and ``detail``."""
        ...

    def fake_order_marks(self, order_id: UUID) -> list[Mark]:
        """Read an order's marks, oldest first."""
        ...
