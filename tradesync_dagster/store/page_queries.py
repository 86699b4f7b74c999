"""What the pages for people read: many accounts at once, one query a part of a page.

What belongs here: filters, order and limits of those reads. What does not: wording (``api.pages``),
lists that every face shows (``queries``).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Table, and_, func, select

from tradesync_dagster.domain.book_states import WATCHED
from tradesync_dagster.domain.breaks import BreakState
from tradesync_dagster.domain.heartbeats import SYNC
from tradesync_dagster.domain.orders import Origin
from tradesync_dagster.store import tables
from tradesync_dagster.store.evidence import accounts_with_last_result
from tradesync_dagster.store.rows import Repository
from tradesync_dagster.store.schema import UtcDateTime
from tradesync_dagster.store.task_tables import heartbeats

_WHO = (tables.accounts.c.organization_id, tables.accounts.c.pseudo_account)
_PLAIN = tuple(column for column in tables.accounts.c if column.name != "credentials")

Rows = list[dict[str, Any]]


class PageQueries(Repository):
    """Reads for pages; ``None`` for an organization means every one."""

    def accounts(self, organization: str | None) -> Rows:
        """List accounts, without credentials."""
        return self._rows(_within(select(*_PLAIN), organization).order_by(*_WHO))

    def account(self, organization: str, pseudo_account: str) -> dict[str, Any] | None:
        """Read one account, without credentials."""
        where = and_(_WHO[0] == organization, _WHO[1] == pseudo_account)
        return next(iter(self._rows(select(*_PLAIN).where(where))), None)

    def last_syncs(self, organization: str | None) -> Rows:
        """Read each account's last result, and when it was synced last, which may be later.

        A sync that brought nothing leaves no result, but its heartbeat.
        """
        table = tables.sync_results
        seen = (
            select(func.max(heartbeats.c.beat_at))
            .where(
                heartbeats.c.account_id == tables.accounts.c.account_id,
                heartbeats.c.service == SYNC,
            )
            .correlate(tables.accounts)
            .scalar_subquery()
        )
        query = select(
            table.c.account_id,
            func.coalesce(seen, table.c.started_at, type_=UtcDateTime).label("started_at"),
            table.c.status,
        ).select_from(accounts_with_last_result())
        return self._rows(_within(query, organization))

    def last_results(self, account_id: int, limit: int) -> Rows:
        """List an account's latest results, newest first."""
        table = tables.sync_results
        query = (
            select(table)
            .where(table.c.account_id == account_id)
            .order_by(table.c.started_at.desc(), table.c.tick_id.desc())
            .limit(limit)
        )
        return self._rows(query)

    def order_counts(self, organization: str | None, day: date) -> Rows:
        """Count a day's orders by account, status and origin."""
        table = tables.orders
        key = (table.c.account_id, table.c.status, table.c.origin)
        query = (
            _within(select(*key, func.count().label("count")), organization, table)
            .where(table.c.trade_date == day)
            .group_by(*key)
        )
        return self._rows(query)

    def open_breaks(self, organization: str | None) -> Rows:
        """Count open breaks by account."""
        table = tables.breaks
        query = (
            _within(select(table.c.account_id, func.count().label("count")), organization, table)
            .where(table.c.state == BreakState.OPEN.value)
            .group_by(table.c.account_id)
        )
        return self._rows(query)

    def profits(self, table: Table, organization: str | None) -> Rows:
        """Read the profits of each account's positions or holdings, as one text an account.

        Sums can pass 64 bits and are no float's, so that the database only strings them together.

        Args:
            table: ``positions`` or ``holdings``.
            organization: Whose.

        Returns:
            By account: ``realised`` (of positions) and ``unrealised``, with commas between the
            amounts, and how many are ``unpriced``.
        """
        realised = table.c.get("realised_pnl")
        query = select(
            table.c.account_id,
            func.aggregate_strings(table.c.unrealised_pnl, ",").label("unrealised"),
            (func.count() - func.count(table.c.unrealised_pnl)).label("unpriced"),
        )
        if realised is not None:
            query = query.add_columns(func.aggregate_strings(realised, ",").label("realised"))
        return self._rows(_within(query, organization, table).group_by(table.c.account_id))

    def orders(
        self, account_id: int, day: date, filters: Mapping[str, str], limit: int
    ) -> tuple[Rows, int]:
        """List one account's orders of a day, newest first.

        Args:
            account_id: Whose.
            day: The exchange's day.
            filters: Columns of ``orders`` to the value that they must have.
            limit: How many.

        Returns:
            The orders, and how many there are in all.
        """
        table = tables.orders
        where: list[ColumnElement[bool]] = [
            table.c.account_id == account_id,
            table.c.trade_date == day,
            *(table.c[name] == value for name, value in filters.items()),
        ]
        query = select(table).where(*where)
        query = query.order_by(table.c.placed_at.desc(), table.c.broker_order_id).limit(limit)
        count = self._connection.execute(select(func.count()).select_from(table).where(*where))
        return self._rows(query), int(count.scalar_one())

    def order(self, order_id: UUID) -> dict[str, Any] | None:
        """Read one order with its account's names."""
        table = tables.orders
        query = select(table, *_WHO).join_from(table, tables.accounts)
        return next(iter(self._rows(query.where(table.c.order_id == order_id))), None)

    def events(self, order_id: UUID) -> Rows:
        """List what happened to an order, oldest first."""
        table = tables.order_events
        query = select(table).where(table.c.order_id == order_id)
        return self._rows(query.order_by(table.c.at, table.c.kind))

    def external(
        self, organization: str | None, since: date | None, limit: int
    ) -> tuple[Rows, int]:
        """List external orders, newest first.

        Args:
            organization: Whose.
            since: The first day, of orders with any owner or none; ``None`` for those of any day
                that nobody owns.
            limit: How many.

        Returns:
            Orders with their account's names, and how many there are in all.
        """
        table = tables.orders
        where: list[ColumnElement[bool]] = [table.c.origin == Origin.EXTERNAL.value]
        where.append(table.c.strategy_id == "" if since is None else table.c.trade_date >= since)
        query = _within(select(table, *_WHO), organization, table).where(*where)
        query = query.order_by(table.c.placed_at.desc(), table.c.broker_order_id).limit(limit)
        count = _within(select(func.count()), organization, table).where(*where)
        return self._rows(query), int(self._connection.execute(count).scalar_one())

    def chosen_orders(self, organization: str | None, order_ids: Sequence[UUID]) -> Rows:
        """Read orders by id with their account's names; other organizations' are not there."""
        table = tables.orders
        query = _within(select(table, *_WHO), organization, table)
        query = query.where(table.c.order_id.in_(order_ids))
        return self._rows(query.order_by(*_WHO, table.c.placed_at, table.c.order_id))

    def decisions(self, order_ids: Sequence[UUID]) -> Rows:
        """List the decisions on orders, the newest of an order first."""
        table = tables.attributions
        query = select(table).where(table.c.order_id.in_(order_ids))
        return self._rows(query.order_by(table.c.decided_at.desc(), table.c.version.desc()))

    def breaks(
        self, organization: str | None, states: Sequence[str], limit: int
    ) -> tuple[Rows, int]:
        """List breaks, oldest first, and tell how many there are in all."""
        table = tables.breaks
        where = table.c.state.in_(states)
        query = _within(select(table, *_WHO), organization, table).where(where)
        query = query.order_by(table.c.first_seen_at, *_WHO, table.c.kind, table.c.subject)
        count = _within(select(func.count()), organization, table).where(where)
        return self._rows(query.limit(limit)), int(self._connection.execute(count).scalar_one())

    def one_break(self, account_id: int, kind: str, subject: str) -> dict[str, Any] | None:
        """Read one break."""
        table = tables.breaks
        query = select(table).where(
            table.c.account_id == account_id, table.c.kind == kind, table.c.subject == subject
        )
        return next(iter(self._rows(query)), None)

    def book_states(self, account_id: int) -> Rows:
        """List when an account's books were last seen whole, by kind."""
        table = tables.book_states
        told = table.c.kind != WATCHED  # the monitor's own note on the order book
        query = select(table).where(table.c.account_id == account_id, told)
        return self._rows(query.order_by(table.c.kind))


def _within(
    query: Select[Any], organization: str | None, table: Table | None = None
) -> Select[Any]:
    """Keep a query within one organization, joining the accounts where it needs them."""
    if table is not None:
        query = query.join_from(tables.accounts, table)
    return query if organization is None else query.where(_WHO[0] == organization)
