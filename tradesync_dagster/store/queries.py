"""What the faces show: lists over many accounts, read-only.

What belongs here: filters, order and limits. What does not: wording and units for people
(``sync.documents``).
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, func, select

from tradesync_dagster.domain.orders import Origin
from tradesync_dagster.store import book_tables, tables
from tradesync_dagster.store.rows import Repository

_KEY: ColumnElement[str] = (
    tables.accounts.c.organization_id + "/" + tables.accounts.c.pseudo_account
)
_ACCOUNT = _KEY.label("account")


class Queries(Repository):
    """Reads what is shown."""

    def orders(
        self, account: str | None, since: date, origins: Sequence[Origin]
    ) -> list[dict[str, Any]]:
        """List orders, newest first.

        Args:
            account: ``ORG/ACCOUNT``, or ``None`` for all.
            since: First trade date.
            origins: Which origins.

        Returns:
            Rows of ``orders`` with the account's key.
        """
        table = tables.orders
        query = (
            self._with_account(table, account)
            .where(table.c.trade_date >= since, table.c.origin.in_([o.value for o in origins]))
            .order_by(table.c.placed_at.desc(), table.c.broker_order_id)
        )
        return self._rows(query)

    def positions(self, account: str | None) -> list[dict[str, Any]]:
        """List positions by account and instrument."""
        return self._by_key(book_tables.positions, account)

    def holdings(self, account: str | None) -> list[dict[str, Any]]:
        """List holdings by account and instrument."""
        return self._by_key(book_tables.holdings, account)

    def breaks(self, account: str | None, states: Sequence[str]) -> list[dict[str, Any]]:
        """List breaks, oldest first.

        Args:
            account: ``ORG/ACCOUNT``, or ``None`` for all.
            states: Which states.

        Returns:
            Rows of ``breaks`` with the account's key.
        """
        table = tables.breaks
        query = (
            self._with_account(table, account)
            .where(table.c.state.in_(states))
            .order_by(table.c.first_seen_at, _ACCOUNT, table.c.kind, table.c.subject)
        )
        return self._rows(query)

    def results(self, limit: int) -> list[dict[str, Any]]:
        """List the accounts' results of the latest ticks, newest first.

        Args:
            limit: How many ticks.

        Returns:
            Rows of ``sync_results``.
        """
        table = tables.sync_results
        latest = (
            select(table.c.tick_id, func.max(table.c.started_at).label("started_at"))
            .group_by(table.c.tick_id)
            .order_by(func.max(table.c.started_at).desc())
            .limit(limit)
            .subquery()
        )
        query = (
            select(table)
            .join(latest, table.c.tick_id == latest.c.tick_id)
            .order_by(table.c.started_at.desc(), table.c.account_id)
        )
        return self._rows(query)

    def _by_key(self, table: Table, account: str | None) -> list[dict[str, Any]]:
        keys: list[ColumnElement[Any]] = list(table.primary_key.columns)
        return self._rows(self._with_account(table, account).order_by(_ACCOUNT, *keys))

    def _with_account(self, table: Table, account: str | None) -> Select[Any]:
        query = select(_ACCOUNT, table).join_from(table, tables.accounts)
        return query if account is None else query.where(_KEY.in_([account]))

    def _rows(self, query: Select[Any]) -> list[dict[str, Any]]:
        return [dict(row) for row in self._connection.execute(query).mappings()]
