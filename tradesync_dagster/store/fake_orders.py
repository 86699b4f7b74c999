"""Fake orders in the store: claiming those that are due, and writing what became of them.

What belongs here: what a transaction over ``moderation_tables`` does. What does not: lists and
counts (``fake_order_queries``), deciding (``domain.moderation``).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select

from tradesync_dagster.domain.fake_orders import FakeOrder
from tradesync_dagster.domain.marks import Mark
from tradesync_dagster.domain.orders import OrderEvent
from tradesync_dagster.store import moderation_tables
from tradesync_dagster.store.fake_order_queries import of_organization, orders_of
from tradesync_dagster.store.moderation_tables import PENDING
from tradesync_dagster.store.rows import Repository, insert_new, row_of, upsert

_ORDERS = moderation_tables.fake_orders
_due = _ORDERS.c.hour_start_utc


class FakeOrders(Repository):
    """Reads and writes fake orders, their events and marks."""

    def add_fake_orders(self, orders: Sequence[FakeOrder]) -> None:
        """See ``moderation_rows.FakeOrderRows``."""
        insert_new(self._connection, _ORDERS, map(row_of, orders))

    def next_due(self, until: datetime, organization_id: str | None = None) -> datetime | None:
        """See ``moderation_rows.FakeOrderRows``."""
        query = select(func.min(_due)).where(
            PENDING, _due <= until, *of_organization(organization_id)
        )
        found: datetime | None = self._connection.execute(query).scalar_one()
        return found

    def claim_due(
        self, now: datetime, limit: int, organization_id: str | None = None
    ) -> list[FakeOrder]:
        """See ``moderation_rows.FakeOrderRows``; those that another transaction has are left out.

        SQLite has one writer, so that there a claim is the transaction itself.
        """
        return self._claim(
            select(_ORDERS)
            .where(PENDING, _due <= now, *of_organization(organization_id))
            .order_by(_due)
            .limit(limit)
        )

    def claim_marks(self, now: datetime, limit: int) -> list[FakeOrder]:
        """See ``moderation_rows.FakeOrderRows``."""
        due = _ORDERS.c.next_mark_at
        return self._claim(select(_ORDERS).where(due <= now).order_by(due).limit(limit))

    def put_fake_orders(self, orders: Iterable[FakeOrder]) -> None:
        """See ``moderation_rows.FakeOrderRows``."""
        upsert(self._connection, _ORDERS, map(row_of, orders))

    def add_fake_order_events(self, events: Iterable[OrderEvent]) -> None:
        """See ``moderation_rows.FakeOrderRows``."""
        insert_new(self._connection, moderation_tables.fake_order_events, map(row_of, events))

    def add_marks(self, marks: Iterable[Mark]) -> None:
        """See ``moderation_rows.FakeOrderRows``."""
        insert_new(self._connection, moderation_tables.fake_order_marks, map(row_of, marks))

    def fake_order(self, order_id: UUID) -> FakeOrder | None:
        """See ``moderation_rows.FakeOrderRows``."""
        found = orders_of(self._connection, select(_ORDERS).where(_ORDERS.c.order_id == order_id))
        return found[0] if found else None

    def fake_order_events(self, order_id: UUID) -> list[dict[str, Any]]:
        """See ``moderation_rows.FakeOrderRows``."""
        table = moderation_tables.fake_order_events
        query = (
            select(table.c.at, table.c.kind, table.c.detail)
            .where(table.c.order_id == order_id)
            .order_by(table.c.at, table.c.kind)
        )
        return self._rows(query)

    def fake_order_marks(self, order_id: UUID) -> list[Mark]:
        """See ``moderation_rows.FakeOrderRows``."""
        table = moderation_tables.fake_order_marks
        query = select(table).where(table.c.order_id == order_id).order_by(table.c.at)
        return [Mark(**row) for row in self._connection.execute(query).mappings()]

    def _claim(self, query: Select[Any]) -> list[FakeOrder]:
        return orders_of(self._connection, query.with_for_update(skip_locked=True))
