"""Orders, their events and our placements in the store.

What belongs here: reading and writing them in bulk. What does not: deciding what changed
(``domain.external``).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

import pandas as pd
from sqlalchemy import ColumnElement, bindparam, delete, or_, select, update

from tradesync_dagster.domain.book_states import WATCHED
from tradesync_dagster.domain.order_parts import ALL_UNITS, shares_of
from tradesync_dagster.domain.order_states import AT_BROKER
from tradesync_dagster.domain.orders import (
    Intent,
    Order,
    OrderEvent,
    OrderStatus,
    Side,
)
from tradesync_dagster.domain.owned_fills import OWNER_COLUMNS
from tradesync_dagster.store import tables
from tradesync_dagster.store.frames import frame_of
from tradesync_dagster.store.order_reading import (
    BROKER_FIELDS,
    ORDER_COLUMNS,
    orders_of,
    parts_of,
)
from tradesync_dagster.store.rows import Repository, insert_new, row_of, upsert

_OPEN = tuple(status.value for status in OrderStatus if not status.is_terminal)
_FOLLOWED = (
    "first_failed_at", "last_retry_attempt", "retry_count", "shortfall", "cancel_asked", "retry_of",
)  # fmt: skip


def _order_row(order: Order) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(order.broker, name) for name in BROKER_FIELDS}
    filled = order.broker.filled_quantity
    rejected = order.status is OrderStatus.REJECTED
    cancelled = order.status is OrderStatus.CANCELLED
    row |= {
        "order_id": order.order_id,
        "account_id": order.account_id,
        "client_order_id": order.client_order_id,
        "side": order.broker.side.value,
        "source": order.broker.source.value,
        "origin": order.origin.value,
        "status": order.status.value,
        "first_seen_at": order.first_seen_at,
        "last_seen_at": order.last_seen_at,
        "strategy_id": order.strategy_id,
        "confidence": order.confidence,
        "parts": [asdict(part) for part in order.parts],
        "last_status_check": order.last_seen_at if order.in_book else None,
        "rejection_reason": order.broker.message if rejected else None,
        "cancelled_reason": (order.cancel_asked or order.broker.message or None)
        if cancelled
        else None,
        "execution_price": order.broker.average_price if filled else None,
        "execution_qty": filled or None,
        "execution_time": order.execution_time,
        "failure_reason": order.failure_reason or None,
        **{name: getattr(order, name) for name in _FOLLOWED},
    }
    return row


class Orders(Repository):
    """Reads and writes orders, events and placements."""

    def orders(
        self, account_ids: Sequence[int], since: date, named: Collection[str] | None = None
    ) -> list[Order]:
        """See ``order_rows.OrderRows``."""
        table = tables.orders
        query = (
            select(*ORDER_COLUMNS)
            .where(table.c.account_id.in_(account_ids), table.c.trade_date >= since)
            .order_by(table.c.account_id, table.c.trade_date, table.c.broker_order_id)
        )
        if named is not None:
            query = query.where(table.c.broker_order_id.in_(sorted(named)))
        return orders_of(self._connection.execute(query))

    def put_orders(self, orders: Iterable[Order], events: Iterable[OrderEvent]) -> None:
        """See ``order_rows.OrderRows``."""
        rows = [_order_row(order) for order in orders]
        upsert(self._connection, tables.orders, rows, keep=("first_seen_at",))
        changed = {row["account_id"] for row in rows}
        if changed:
            states = tables.book_states
            kinds = states.c.kind.in_(("orders", WATCHED))
            own = (kinds, states.c.account_id.in_(changed), states.c.settled)
            self._connection.execute(states.update().where(*own).values(settled=False))
        insert_new(
            self._connection,
            tables.order_events,
            map(row_of, events),
        )

    def order(self, account_id: int, order_id: UUID) -> Order | None:
        """See ``order_rows.OrderRows``."""
        table = tables.orders
        mine = (table.c.order_id == order_id, table.c.account_id == account_id)
        query = select(*ORDER_COLUMNS).where(*mine)
        return next(iter(orders_of(self._connection.execute(query))), None)

    def absorb(self, absorbed: Mapping[UUID, UUID]) -> None:
        """See ``order_rows.OrderRows``."""
        for gone, order_id in absorbed.items():
            events = tables.order_events
            mine = select(events.c.at, events.c.kind, events.c.detail).where(
                events.c.order_id == gone
            )
            moved = [
                {"order_id": order_id, **row} for row in self._connection.execute(mine).mappings()
            ]
            insert_new(self._connection, events, moved)
            self._connection.execute(delete(events).where(events.c.order_id == gone))
            table = tables.orders
            self._connection.execute(delete(table).where(table.c.order_id == gone))

    def events_of(self, order_ids: Sequence[UUID]) -> list[OrderEvent]:
        """See ``order_rows.OrderRows``."""
        table = tables.order_events
        query = (
            select(table.c.order_id, table.c.kind, table.c.at, table.c.detail)
            .where(table.c.order_id.in_(order_ids))
            .order_by(table.c.at, table.c.kind)
        )
        return [OrderEvent(*row) for row in self._connection.execute(query)]

    def note_checks(self, checked: Mapping[int, tuple[date, datetime]]) -> None:
        """See ``order_rows.OrderRows``."""
        table = tables.orders
        statement = (
            update(table)
            .where(
                table.c.account_id == bindparam("whose"),
                table.c.trade_date == bindparam("day"),
                or_(*(table.c.status == word for word in _OPEN)),  # IN knows no executemany
                table.c.status_word != "",
                table.c.last_seen_at < bindparam("now"),
            )
            .values(last_seen_at=bindparam("now"), last_status_check=bindparam("now"))
        )
        rows = [{"whose": one, "day": day, "now": at} for one, (day, at) in checked.items()]
        if rows:
            self._connection.execute(statement, rows)

    def watched(self, account_ids: Sequence[int]) -> set[int]:
        """See ``order_rows.OrderRows``."""
        table = tables.orders
        query = select(table.c.account_id).where(table.c.account_id.in_(account_ids), is_watched())
        return set(self._connection.scalars(query.distinct()))

    def standing(self, account_ids: Sequence[int], statuses: Iterable[OrderStatus]) -> list[Order]:
        """See ``order_rows.OrderRows``."""
        table = tables.orders
        words = sorted(status.value for status in statuses)
        mine = table.c.account_id.in_(account_ids)
        query = select(*ORDER_COLUMNS).where(mine, table.c.status.in_(words))
        return orders_of(self._connection.execute(query))

    def unended(self, account_ids: Sequence[int], until: date) -> list[Order]:
        """See ``order_rows.OrderRows``."""
        table = tables.orders
        query = select(*ORDER_COLUMNS).where(
            table.c.account_id.in_(account_ids), table.c.trade_date <= until, is_watched()
        )
        return orders_of(self._connection.execute(query))

    def filled(self, account_ids: Sequence[int], since: date) -> dict[tuple[int, str], int]:
        """See ``order_rows.OrderRows``."""
        table = tables.orders
        names = (table.c.account_id, table.c.broker_order_id, table.c.filled_quantity)
        query = (
            select(*names)
            .where(
                table.c.account_id.in_(account_ids),
                or_(table.c.trade_date >= since, is_watched()),
            )
            .order_by(table.c.trade_date)
        )
        return {(row[0], row[1]): row[2] for row in self._connection.execute(query)}

    def intents(self, account_ids: Sequence[int], since: datetime) -> list[Intent]:
        """See ``order_rows.OrderRows``."""
        table = tables.intents
        query = select(table).where(
            table.c.account_id.in_(account_ids), table.c.created_at >= since
        )
        return [Intent(**{**row, "side": Side(row["side"])}) for row in self._rows(query)]

    def put_intents(self, intents: Iterable[Intent]) -> None:
        """See ``order_rows.OrderRows``."""
        rows = [row_of(intent) | {"side": intent.side.value} for intent in intents]
        upsert(self._connection, tables.intents, rows, keep=("created_at",))

    def assignments(self, account_ids: Sequence[int]) -> pd.DataFrame:
        """See ``order_rows.OrderRows``."""
        table = tables.orders
        mine = table.c.account_id.in_(account_ids)
        placed = table.c.broker_order_id != ""  # neither are fills of balances from before
        owned = select(table.c.broker_order_id).where(mine, placed, is_owned()).correlate(None)
        names = ("account_id", "trade_date", "broker_order_id", "strategy_id")
        # An id that came back on a later day is another order, which may be nobody's.
        query = select(*(table.c[name] for name in names)).where(
            mine, table.c.broker_order_id.in_(owned)
        )
        whole = frame_of(self._connection, query.where(table.c.parts == []), names)
        shared = self._connection.execute(query.add_columns(table.c.parts).where(is_shared()))
        shares = [
            (row[0], row[1].toordinal(), row[2], share.strategy_id, share.start, share.end)
            for row in shared
            for share in shares_of(row[3], parts_of(row[4]))
        ]
        found = whole.assign(start=0, end=ALL_UNITS)
        if not shares:
            return found
        return pd.concat(
            [found, pd.DataFrame(shares, columns=list(OWNER_COLUMNS))], ignore_index=True
        )


def is_watched() -> ColumnElement[bool]:
    """Tell whether a broker may be working an order."""
    return tables.orders.c.status.in_(sorted(status.value for status in AT_BROKER))


def is_shared() -> ColumnElement[bool]:
    """Tell whether strategies share an order."""
    return tables.orders.c.parts != []


def is_owned() -> ColumnElement[bool]:
    """Tell whether any strategy owns any of an order."""
    return or_(tables.orders.c.strategy_id != "", is_shared())
