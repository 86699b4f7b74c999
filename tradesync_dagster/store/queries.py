"""What the faces show: lists over many accounts, read-only.

What belongs here: filters, order and limits. What does not: wording and units for people
(``sync.documents``).
"""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, Text, func, literal_column, select

from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.order_parts import unowned_units
from tradesync_dagster.domain.orders import Origin
from tradesync_dagster.domain.spikes import Activity
from tradesync_dagster.store import book_tables, tables
from tradesync_dagster.store.accounts import named
from tradesync_dagster.store.order_reading import parts_of
from tradesync_dagster.store.rows import Repository

_ACCOUNT = (tables.accounts.c.organization_id + "/" + tables.accounts.c.pseudo_account).label(
    "account"
)


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

    def unassigned(self, account: str | None) -> list[dict[str, Any]]:
        """List external orders with units that no strategy owns, newest first."""
        table = tables.orders
        query = (
            self._with_account(table, account)
            .where(table.c.origin == Origin.EXTERNAL.value, table.c.strategy_id == "")
            .order_by(table.c.placed_at.desc(), table.c.broker_order_id)
        )
        return [
            row
            for row in self._rows(query)
            if unowned_units(row["quantity"], "", parts_of(row["parts"]))
        ]

    def positions(self, account: str | None) -> list[dict[str, Any]]:
        """List positions by account and instrument."""
        return self._by_key(book_tables.positions, account)

    def holdings(self, account: str | None) -> list[dict[str, Any]]:
        """List holdings by account and instrument."""
        return self._by_key(book_tables.holdings, account)

    def breaks(
        self, account: str | None, states: Sequence[str], organization: str | None = None
    ) -> list[dict[str, Any]]:
        """List breaks, oldest first.

        Args:
            account: ``ORG/ACCOUNT``, or ``None`` for all.
            states: Which states.
            organization: Only those of its accounts, if given.

        Returns:
            Rows of ``breaks`` with the account's key.
        """
        table = tables.breaks
        query = (
            self._with_account(table, account)
            .where(table.c.state.in_(states))
            .order_by(table.c.first_seen_at, _ACCOUNT, table.c.kind, table.c.subject)
        )
        if organization is not None:
            query = query.where(tables.accounts.c.organization_id == organization)
        return self._rows(query)

    def activities(self, since: date, lately: datetime, minimum: int) -> list[Activity]:
        """Count external orders by the hour of their placing, where there are many of late.

        One grouped query; both parts of it find an account's orders by its index of origin and
        day, so that it costs little while nothing happens, however long the history is.

        Args:
            since: The first day of the history.
            lately: Enabled accounts count that have external orders placed since then, UTC,
            minimum: and at least so many of them.

        Returns:
            Those accounts' counts since the first day.
        """
        orders, accounts, first = tables.orders, tables.accounts, tables.orders.alias()
        external = orders.c.origin == Origin.EXTERNAL.value
        recent = select(func.count()).where(
            orders.c.account_id == accounts.c.account_id,
            external,
            orders.c.trade_date >= trade_date_of(lately),
            orders.c.placed_at >= lately,
        )
        busy = select(accounts.c.account_id).where(
            accounts.c.enabled, recent.correlate(accounts).scalar_subquery() >= minimum
        )
        known_since = select(func.min(first.c.trade_date)).where(
            first.c.account_id == accounts.c.account_id
        )
        hour = self._hour(orders.c.placed_at)
        query = (
            select(
                accounts.c.account_id, _ACCOUNT, known_since.scalar_subquery(), hour, func.count()
            )
            .join_from(orders, accounts)
            .where(orders.c.account_id.in_(busy), external, orders.c.trade_date >= since)
            .group_by(accounts.c.account_id, hour)
            .order_by(accounts.c.account_id)
        )
        return [
            Activity(*of, {(date.fromisoformat(r[3][:10]), int(r[3][11:])): r[4] for r in group})
            for of, group in groupby(self._connection.execute(query), lambda r: (r[0], r[1], r[2]))
        ]

    def _hour(self, moment: ColumnElement[datetime]) -> ColumnElement[str]:
        """Return the day and hour of a moment in Asia/Kolkata, which keeps one offset all year."""
        if self._connection.dialect.name == "sqlite":
            shape, ahead = _sql("'%Y-%m-%d %H'"), _sql("'+330 minutes'")
            return func.strftime(shape, moment, ahead, type_=Text)
        local = func.timezone(_sql("'Asia/Kolkata'"), moment)
        return func.to_char(local, _sql("'YYYY-MM-DD HH24'"), type_=Text)

    def _by_key(self, table: Table, account: str | None) -> list[dict[str, Any]]:
        keys: list[ColumnElement[Any]] = list(table.primary_key.columns)
        return self._rows(self._with_account(table, account).order_by(_ACCOUNT, *keys))

    def _with_account(self, table: Table, account: str | None) -> Select[Any]:
        query = select(_ACCOUNT, table).join_from(table, tables.accounts)
        return query if account is None else query.where(*named(account))


def _sql(text: str) -> ColumnElement[str]:
    """Write a constant as it is: as a parameter, PostgreSQL would not know the group again."""
    return literal_column(text)
