"""The retry queue in the store.

What belongs here: reading and writing it. What does not: what the queue does (``sync.retrying``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from datetime import date
from typing import Any

from sqlalchemy import or_, select

from tradesync_dagster.domain.orders import Order, OrderStatus, Origin
from tradesync_dagster.domain.retries import FailureKind, QueueEntry, QueueState
from tradesync_dagster.store import tables
from tradesync_dagster.store.order_reading import order_of
from tradesync_dagster.store.retry_tables import retries
from tradesync_dagster.store.rows import Repository, upsert

_FAILURES = (OrderStatus.FAILED, OrderStatus.RETRY_PENDING, OrderStatus.REJECTED)
"""What stands in the queue."""
_CLOSED = (QueueState.DROPPED.value, QueueState.EXPIRED.value)
_NAMES = tuple(field.name for field in fields(QueueEntry))
_QUEUED = tuple(retries.c[name].label(f"queue_{name}") for name in _NAMES)


class Retries(Repository):
    """Reads and writes the queue."""

    def failed_orders(
        self, account_ids: Sequence[int], since: date
    ) -> list[tuple[Order, QueueEntry | None]]:
        """See ``retry_rows.RetryRows``."""
        table, other = tables.orders, tables.orders.alias()
        again = select(other.c.order_id).where(other.c.retry_of == table.c.order_id).exists()
        waiting = table.c.status == OrderStatus.RETRY_PENDING.value
        query = (
            select(table, *_QUEUED)
            .join_from(table, retries, retries.c.order_id == table.c.order_id, isouter=True)
            .where(
                table.c.account_id.in_(account_ids),
                table.c.origin == Origin.INTERNAL.value,
                table.c.client_order_id != "",
                table.c.status.in_([one.value for one in _FAILURES]),
                or_(waiting, table.c.trade_date >= since),
                or_(retries.c.state.is_(None), retries.c.state.not_in(_CLOSED)),
                ~again,
            )
            .order_by(table.c.first_failed_at, table.c.order_id)
        )
        rows = self._connection.execute(query).mappings()
        return [(order_of(dict(row)), _queued(row)) for row in rows]

    def queue_entries(self, orders: Iterable[Order]) -> list[QueueEntry]:
        """See ``retry_rows.RetryRows``."""
        ids = [order.order_id for order in orders]
        query = select(*_QUEUED).where(retries.c.order_id.in_(ids))
        found = (_queued(row) for row in self._connection.execute(query).mappings())
        return [entry for entry in found if entry is not None]

    def put_queue_entries(self, entries: Iterable[QueueEntry]) -> None:
        """See ``retry_rows.RetryRows``."""
        rows = [asdict(entry) for entry in entries]
        for row in rows:
            row |= {"kind": row["kind"].value, "state": row["state"].value}
        upsert(self._connection, retries, rows)


def _queued(row: Any) -> QueueEntry | None:
    if row["queue_order_id"] is None:
        return None
    found = {name: row[f"queue_{name}"] for name in _NAMES}
    found |= {"kind": FailureKind(found["kind"]), "state": QueueState(found["state"])}
    return QueueEntry(**found)
