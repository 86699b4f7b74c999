"""What programs and pages ask of orders: one organization's, by status, reason and day.

What belongs here: filters, order and limits. What does not: the retry queue (``retries``).
"""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select

from tradesync_dagster.domain.orders import OrderStatus
from tradesync_dagster.store import tables
from tradesync_dagster.store.rows import Repository

_WHO = (tables.accounts.c.organization_id, tables.accounts.c.pseudo_account)
_REASONS = ("failure_reason", "rejection_reason", "cancelled_reason")


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders are wanted; what is left open fits all.

    Attributes:
        organization: Whose; ``None`` for all.
        reason: Part of why an order failed, was rejected or cancelled, in any case.
        since: The first trade date.
        until: The last trade date.
        limit: Most orders.
        offset: How many are left out before.
    """

    organization: str | None = None
    pseudo_account: str | None = None
    statuses: tuple[OrderStatus, ...] = ()
    reason: str = ""
    since: date | None = None
    until: date | None = None
    order_id: UUID | None = None
    limit: int = 100
    offset: int = 0


class UserOrders(Repository):
    """Reads orders."""

    def page(self, wanted: OrderFilter) -> tuple[list[dict[str, Any]], int]:
        """List orders, newest first, and tell how many there are in all."""
        table = tables.orders
        where = _where(wanted)
        query = (
            select(table, *_WHO)
            .join_from(table, tables.accounts)
            .where(*where)
            .order_by(table.c.placed_at.desc(), table.c.order_id)
            .limit(wanted.limit)
            .offset(wanted.offset)
        )
        count = select(func.count()).select_from(table).join(tables.accounts).where(*where)
        rows = self._rows(query)
        return rows, int(self._connection.execute(count).scalar_one())

    def account_of(self, order_id: UUID) -> tuple[str, str] | None:
        """Name the (organization, account) of an order; ``None`` where there is no such order."""
        query = select(*_WHO).join_from(tables.orders, tables.accounts)
        row = self._connection.execute(query.where(tables.orders.c.order_id == order_id)).first()
        return None if row is None else (row[0], row[1])


def _where(wanted: OrderFilter) -> list[ColumnElement[bool]]:
    table = tables.orders
    found: list[ColumnElement[bool]] = []
    if wanted.organization is not None:
        found.append(_WHO[0] == wanted.organization)
    if wanted.pseudo_account is not None:
        found.append(_WHO[1] == wanted.pseudo_account)
    if wanted.order_id is not None:
        found.append(table.c.order_id == wanted.order_id)
    if wanted.statuses:
        found.append(table.c.status.in_([one.value for one in wanted.statuses]))
    if wanted.reason:
        parts = (table.c[name].icontains(wanted.reason, autoescape=True) for name in _REASONS)
        found.append(or_(*parts))
    if wanted.since is not None:
        found.append(table.c.trade_date >= wanted.since)
    if wanted.until is not None:
        found.append(table.c.trade_date <= wanted.until)
    return found
