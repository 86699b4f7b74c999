"""Lists and counts of fake orders, read-only.

What belongs here: filters, order and limits. What does not: claiming and writing (``fake_orders``).
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, select

from tradesync_dagster.domain.fake_orders import FakeOrder, FakeOrderStatus
from tradesync_dagster.store import moderation_tables
from tradesync_dagster.store.moderation_tables import PENDING
from tradesync_dagster.store.rows import Repository

_ORDERS = moderation_tables.fake_orders
_due = _ORDERS.c.hour_start_utc


class FakeOrderQueries(Repository):
    """Reads what sensors and people look at."""

    def next_due(self, after: datetime | None, until: datetime) -> datetime | None:
        """Return the earliest due time of a pending order within ``after`` < time <= ``until``.

        Args:
            after: UTC; ``None`` for past ones too.
            until: UTC.
        """
        beyond = [] if after is None else [_due > after]
        query = select(func.min(_due)).where(PENDING, _due <= until, *beyond)
        found: datetime | None = self._connection.execute(query).scalar_one()
        return found

    def last_created(self) -> datetime | None:
        """Return when the latest order was created, of all organizations."""
        query = select(func.max(_ORDERS.c.created_at))
        found: datetime | None = self._connection.execute(query).scalar_one()
        return found

    def marks_are_due(self, now: datetime) -> bool:
        """Whether an approved order's next mark is due."""
        # The earliest one, not any: the index is then the cheapest way, whatever is known of rows.
        query = select(func.min(_ORDERS.c.next_mark_at)).where(_ORDERS.c.next_mark_at <= now)
        return self._connection.execute(query).scalar_one() is not None

    def waiting(
        self, now: datetime, ahead: timedelta, organization_id: str | None
    ) -> tuple[int, int, datetime | None]:
        """Count an organization's pending orders.

        Args:
            now: UTC.
            ahead: What is soon.
            organization_id: Whose; ``None`` for all.

        Returns:
            How many are due, how many more will be soon, and the earliest due time of all.
        """
        soon = _due <= now + ahead
        query = select(
            func.count().filter(_due <= now), func.count().filter(_due > now, soon), func.min(_due)
        ).where(PENDING, *of_organization(organization_id))
        due, upcoming, first = self._connection.execute(query).one()
        return due, upcoming, first

    def listed(
        self, organization_id: str | None, status: FakeOrderStatus | None, limit: int
    ) -> list[FakeOrder]:
        """List orders, those of the latest hours first."""
        query = select(_ORDERS).where(*of_organization(organization_id))
        if status is not None:  # written out, so that the pending ones have their index
            query = query.where(_ORDERS.c.status == literal_column(f"'{status.value}'"))
        return orders_of(
            self._connection, query.order_by(_due.desc(), _ORDERS.c.order_id).limit(limit)
        )

    def totals(self, since: datetime) -> tuple[int, int]:
        """Sum up the approved orders of a stretch of hours.

        Returns:
            How many, and their P&L in millionths.
        """
        query = select(_ORDERS.c.pnl).where(_ORDERS.c.pnl.is_not(None), _due >= since)
        found = list(self._connection.execute(query).scalars())
        return len(found), sum(found)


def of_organization(organization_id: str | None) -> list[ColumnElement[bool]]:
    """Narrow a query to an organization; ``None`` leaves it as it is."""
    return [] if organization_id is None else [_ORDERS.c.organization_id == organization_id]


def orders_of(connection: Connection, query: Select[Any]) -> list[FakeOrder]:
    """Read the orders of a query that selects whole rows."""
    return [FakeOrder(**row) for row in connection.execute(query).mappings()]
