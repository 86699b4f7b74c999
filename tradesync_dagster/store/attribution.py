"""Strategies, claims, what strategies own, and the decisions on external orders.

What belongs here: reading and writing them in bulk. What does not: finding an order's owner
(``domain.attribution``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, delete, func, select

from tradesync_dagster.domain.attribution_rows import (
    OWNER_EVENTS,
    Attribution,
    Claim,
    OpenUnits,
    OwnedOrder,
    Strategy,
)
from tradesync_dagster.domain.order_parts import shares_of
from tradesync_dagster.domain.orders import OrderEvent, OrderStatus, Side
from tradesync_dagster.store import book_tables, tables
from tradesync_dagster.store.books import open_at_end_of
from tradesync_dagster.store.order_reading import parts_of
from tradesync_dagster.store.orders import is_owned
from tradesync_dagster.store.rows import Repository, insert_new, upsert


class CalledOrder(NamedTuple):
    """An order, by the id that it has at its broker."""

    account_id: int
    trade_date: date
    broker_order_id: str
    order_id: UUID


class Attributions(Repository):
    """Reads and writes strategies, claims and decisions."""

    def strategies(self, organization_ids: Sequence[str] | None) -> list[Strategy]:
        """See ``attribution_rows.AttributionRows``."""
        table = tables.strategies
        query = select(table).order_by(table.c.organization_id, table.c.strategy_id)
        if organization_ids is not None:
            query = query.where(table.c.organization_id.in_(organization_ids))
        return [Strategy(**row) for row in self._connection.execute(query).mappings()]

    def add_strategies(self, strategies: Iterable[Strategy]) -> None:
        """See ``attribution_rows.AttributionRows``."""
        insert_new(self._connection, tables.strategies, [asdict(one) for one in strategies])

    def claims(self, organization_ids: Sequence[str] | None) -> list[Claim]:
        """See ``attribution_rows.AttributionRows``."""
        table = tables.claims
        query = select(*(column for column in table.c if column.name != "claim_id")).order_by(
            table.c.organization_id, table.c.exchange, table.c.symbol, table.c.created_at
        )
        if organization_ids is not None:
            query = query.where(table.c.organization_id.in_(organization_ids))
        return [Claim(**row) for row in self._connection.execute(query).mappings()]

    def add_claim(self, claim: Claim) -> None:
        """Insert a claim; the first to make it stays."""
        insert_new(self._connection, tables.claims, [{"claim_id": claim.claim_id} | asdict(claim)])

    def remove_claim(self, claim_id: UUID, organization_id: str | None = None) -> bool:
        """Take a claim back, of that organization if given, and tell whether it was there."""
        table = tables.claims
        query = delete(table).where(table.c.claim_id == claim_id)
        if organization_id is not None:
            query = query.where(table.c.organization_id == organization_id)
        return self._connection.execute(query).rowcount > 0

    def has_order(self, order_id: UUID, account_ids: Sequence[int]) -> bool:
        """Tell whether some of the accounts has an order."""
        table = tables.orders
        query = select(table.c.order_id).where(
            table.c.order_id == order_id, table.c.account_id.in_(account_ids)
        )
        return self._connection.execute(query).first() is not None

    def orders_called(
        self, account_ids: Sequence[int], broker_order_ids: Sequence[str]
    ) -> list[CalledOrder]:
        """List accounts' orders by the brokers' ids, oldest first; ids come back on other days.

        Args:
            account_ids: Whose.
            broker_order_ids: As the brokers write them.
        """
        table = tables.orders
        query = (
            select(*(table.c[name] for name in CalledOrder._fields))
            .where(
                table.c.account_id.in_(account_ids),
                table.c.broker_order_id.in_(broker_order_ids),
            )
            .order_by(table.c.trade_date, table.c.account_id)
        )
        return [CalledOrder(*row) for row in self._connection.execute(query)]

    def owned_orders(self, account_ids: Sequence[int], since: date) -> list[OwnedOrder]:
        """See ``attribution_rows.AttributionRows``."""
        table = tables.orders
        names = (
            "account_id", "strategy_id", "exchange", "symbol", "product", "side", "quantity",
            "trade_date", "placed_at", "filled_quantity", "pending_quantity", "status",
            "confidence", "parts",
        )  # fmt: skip
        query = select(*(table.c[name] for name in names)).where(
            table.c.account_id.in_(account_ids),
            table.c.trade_date >= since,
            is_owned(),
        )
        rows = self._connection.execute(query).mappings()
        return [one for row in rows for one in _owned(dict(row))]

    def owner_events(self, order_ids: Sequence[UUID]) -> dict[UUID, list[OrderEvent]]:
        """See ``attribution_rows.AttributionRows``."""
        table = tables.order_events
        query = (
            select(table.c.order_id, table.c.kind, table.c.at, table.c.detail)
            .where(table.c.order_id.in_(order_ids), table.c.kind.in_(OWNER_EVENTS))
            .order_by(table.c.order_id, table.c.at)
        )
        found: dict[UUID, list[OrderEvent]] = {}
        for row in self._connection.execute(query):
            found.setdefault(row[0], []).append(OrderEvent(*row))
        return found

    def open_units(self, account_ids: Sequence[int]) -> OpenUnits:
        """See ``attribution_rows.AttributionRows``."""
        table = book_tables.lots
        queue = (table.c.account_id, table.c.strategy_id, table.c.instrument, table.c.product)
        query = (
            select(*queue, func.sum(table.c.quantity))
            .where(
                table.c.account_id.in_(account_ids),
                table.c.strategy_id != "",
                open_at_end_of(None),
            )
            .group_by(*queue)
        )
        return {(r[0], r[1], r[2], r[3]): int(r[4]) for r in self._connection.execute(query)}

    def put_attributions(self, attributions: Iterable[Attribution]) -> None:
        """See ``attribution_rows.AttributionRows``."""
        upsert(self._connection, tables.attributions, [asdict(one) for one in attributions])

    def decisions_on(self, order_id: UUID) -> list[dict[str, Any]]:
        """List the decisions on one order, newest first, with the order they are on."""
        table = tables.attributions
        query = _with_order().where(table.c.order_id == order_id)
        return self._rows(query.order_by(table.c.decided_at.desc()))

    def decisions_since(self, account_ids: Sequence[int], since: date) -> list[dict[str, Any]]:
        """List the decisions on the orders of ``since`` or later, oldest order first."""
        orders = tables.orders
        query = _with_order().where(
            orders.c.account_id.in_(account_ids), orders.c.trade_date >= since
        )
        return self._rows(query.order_by(orders.c.placed_at, orders.c.order_id))


def _with_order() -> Select[Any]:
    orders, decisions = tables.orders, tables.attributions
    shown = ("account_id", "trade_date", "broker_order_id", "exchange", "symbol", "side",
             "quantity", "tag")  # fmt: skip
    return select(
        decisions, *(orders.c[name] for name in shown), orders.c.strategy_id.label("owner")
    ).join_from(decisions, orders)


def _owned(row: dict[str, Any]) -> list[OwnedOrder]:
    """Read an order as each strategy that owns some of it has it."""
    filled, pending = row.pop("filled_quantity"), row.pop("pending_quantity")
    guessed = row.pop("confidence") is not None  # people and placements are never unsure
    until = filled if OrderStatus(row.pop("status")).is_terminal else filled + pending
    quantity = row.pop("quantity")
    row["side"] = Side(row["side"])
    shares = shares_of(row.pop("strategy_id"), parts_of(row.pop("parts")))
    return [
        OwnedOrder(
            **row,
            strategy_id=share.strategy_id,
            quantity=share.within(0, quantity),
            working=share.within(filled, until),
            guessed=guessed,
        )
        for share in shares
        if share.strategy_id and share.within(0, quantity)
    ]
