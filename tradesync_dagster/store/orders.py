"""Orders, their events and our placements in the store.

What belongs here: reading and writing them in bulk. What does not: deciding what changed
(``domain.external``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Any

import pandas as pd
from sqlalchemy import Row, select

from tradesync_dagster.domain.orders import (
    BrokerOrder,
    Intent,
    Order,
    OrderEvent,
    OrderStatus,
    Origin,
    Side,
)
from tradesync_dagster.store import tables
from tradesync_dagster.store.frames import frame_of
from tradesync_dagster.store.rows import Repository, insert_new, upsert

_BROKER_FIELDS = tuple(field.name for field in fields(BrokerOrder))


def _order_row(order: Order) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(order.broker, name) for name in _BROKER_FIELDS}
    filled = order.broker.filled_quantity
    rejected = order.status is OrderStatus.REJECTED
    cancelled = order.status is OrderStatus.CANCELLED
    row |= {
        "order_id": order.order_id,
        "account_id": order.account_id,
        "client_order_id": order.client_order_id,
        "side": order.broker.side.value,
        "origin": order.origin.value,
        "status": order.status.value,
        "first_seen_at": order.first_seen_at,
        "last_seen_at": order.last_seen_at,
        "strategy_id": order.strategy_id,
        "confidence": order.confidence,
        "last_status_check": order.last_seen_at,
        "rejection_reason": order.broker.message if rejected else None,
        "cancelled_reason": (order.broker.message or None) if cancelled else None,
        "execution_price": order.broker.average_price if filled else None,
        "execution_qty": filled or None,
        "execution_time": order.broker.updated_at if filled else None,
    }
    return row


def order_of(row: Row[Any] | Mapping[str, Any]) -> Order:
    """Read one ledger row.

    Args:
        row: A whole row of ``orders``.

    Returns:
        The order.
    """
    found = row if isinstance(row, Mapping) else row._mapping  # noqa: SLF001 - its public name
    broker = {name: found[name] for name in _BROKER_FIELDS}
    broker["side"] = Side(broker["side"])
    return Order(
        order_id=found["order_id"],
        account_id=found["account_id"],
        broker=BrokerOrder(**broker),
        origin=Origin(found["origin"]),
        status=OrderStatus(found["status"]),
        first_seen_at=found["first_seen_at"],
        last_seen_at=found["last_seen_at"],
        client_order_id=found["client_order_id"],
        strategy_id=found["strategy_id"],
        confidence=found["confidence"],
    )


class Orders(Repository):
    """Reads and writes orders, events and placements."""

    def orders(self, account_ids: Sequence[int], since: date) -> list[Order]:
        """See ``ports.UnitOfWork``."""
        table = tables.orders
        query = (
            select(table)
            .where(table.c.account_id.in_(account_ids), table.c.trade_date >= since)
            .order_by(table.c.account_id, table.c.trade_date, table.c.broker_order_id)
        )
        return [order_of(row) for row in self._connection.execute(query)]

    def put_orders(self, orders: Iterable[Order], events: Iterable[OrderEvent]) -> None:
        """See ``ports.UnitOfWork``."""
        rows = [_order_row(order) for order in orders]
        upsert(self._connection, tables.orders, rows, keep=("first_seen_at",))
        insert_new(
            self._connection,
            tables.order_events,
            [
                {"order_id": e.order_id, "at": e.at, "kind": e.kind, "detail": e.detail}
                for e in events
            ],
        )

    def intents(self, account_ids: Sequence[int], since: datetime) -> list[Intent]:
        """See ``ports.UnitOfWork``."""
        table = tables.intents
        query = select(table).where(
            table.c.account_id.in_(account_ids), table.c.created_at >= since
        )
        found = [dict(row._mapping) for row in self._connection.execute(query)]  # noqa: SLF001
        return [Intent(**{**row, "side": Side(row["side"])}) for row in found]

    def put_intents(self, intents: Iterable[Intent]) -> None:
        """See ``ports.UnitOfWork``."""
        names = tuple(field.name for field in fields(Intent))
        rows = [{name: getattr(intent, name) for name in names} for intent in intents]
        for row in rows:
            row["side"] = row["side"].value
        upsert(self._connection, tables.intents, rows, keep=("created_at",))

    def assignments(self, account_ids: Sequence[int]) -> pd.DataFrame:
        """See ``unit_of_work.OrderRows``."""
        table = tables.orders
        columns = ("account_id", "trade_date", "broker_order_id", "strategy_id")
        query = select(*(table.c[name] for name in columns)).where(
            table.c.account_id.in_(account_ids), table.c.strategy_id != ""
        )
        return frame_of(self._connection, query, columns)
