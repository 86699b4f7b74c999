"""What is counted over all accounts for those who watch: one query a figure, however many rows.

What belongs here: counts and ages. What does not: their names for a monitor (``api.metrics``),
lists that people read (``page_queries``).
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select, true

from tradesync_dagster.domain.breaks import BreakState
from tradesync_dagster.domain.orders import Origin
from tradesync_dagster.domain.publications import PEOPLE
from tradesync_dagster.store import moderation_tables, tables
from tradesync_dagster.store.moderation_tables import PENDING
from tradesync_dagster.store.rows import Repository
from tradesync_dagster.store.ticks import Ticks

_FAKE = moderation_tables.fake_orders
_MOST_SHARDS = 100

Counts = dict[str, int]


class Figures(Repository):
    """Counts; ``None`` for an organization means every one."""

    def open_breaks(self, organization: str | None) -> Counts:
        """Count open breaks by kind."""
        table = tables.breaks
        query = select(table.c.kind, func.count()).where(
            table.c.state == BreakState.OPEN.value, _own(table.c.account_id, organization)
        )
        return self._counts(query.group_by(table.c.kind))

    def orders(self, organization: str | None, day: date) -> dict[tuple[str, str], int]:
        """Count a day's orders by status and origin."""
        table = tables.orders
        key = (table.c.status, table.c.origin)
        query = select(*key, func.count()).where(
            table.c.trade_date == day, table.c.account_id.in_(_accounts(organization))
        )
        rows = self._connection.execute(query.group_by(*key))
        return {(status, origin): count for status, origin, count in rows}

    def unassigned(self, organization: str | None) -> int:
        """Count external orders of any day that nobody owns."""
        table = tables.orders
        query = select(func.count()).where(
            table.c.account_id.in_(_accounts(organization)),
            table.c.origin == Origin.EXTERNAL.value,
            table.c.strategy_id == "",
        )
        return int(self._connection.execute(query).scalar_one())

    def oldest_book(self, organization: str | None) -> datetime | None:
        """Return when the order book seen whole least lately was asked for; of enabled accounts."""
        table, accounts = tables.book_states, tables.accounts
        query = (
            select(func.min(table.c.requested_at))
            .join_from(table, accounts)
            .where(table.c.kind == "orders", accounts.c.enabled)
            .where(_own(table.c.account_id, organization))
        )
        found: datetime | None = self._connection.execute(query).scalar_one()
        return found

    def waiting(self, organization: str | None) -> dict[str, tuple[int, datetime]]:
        """Count messages that wait: for ``server`` and for ``people``, with the oldest's time."""
        table = tables.outbox
        to = case((table.c.exchange.startswith(PEOPLE), "people"), else_="server")
        query = select(to, func.count(), func.min(table.c.created_at)).where(
            table.c.sent_at.is_(None), _own(table.c.account_id, organization)
        )
        rows = self._connection.execute(query.group_by(to))
        return {name: (count, oldest) for name, count, oldest in rows}

    def fake_orders(self, organization: str | None, since: datetime) -> Counts:
        """Count fake orders whose hour is not before a moment, by status."""
        query = select(_FAKE.c.status, func.count()).where(_FAKE.c.hour_start_utc >= since)
        query = query.where(*_of_organization(organization))
        return self._counts(query.group_by(_FAKE.c.status))

    def pending_fake_orders(
        self, organization: str | None, now: datetime
    ) -> tuple[int, datetime | None]:
        """Count pending fake orders whose hour has come, with the earliest hour."""
        query = select(func.count(), func.min(_FAKE.c.hour_start_utc)).where(
            PENDING, _FAKE.c.hour_start_utc <= now, *_of_organization(organization)
        )
        count, first = self._connection.execute(query).one()
        return int(count), first

    def last_ticks(self) -> list[dict[str, Any]]:
        """Read the last tick of each shard: those as young as the youngest shard's own last."""
        found: dict[str, dict[str, Any]] = {}
        for row in Ticks(self._connection).last(_MOST_SHARDS):
            found.setdefault(row["shard"], row)
        return list(found.values())

    def _counts(self, query: Select[Any]) -> Counts:
        return {str(name): int(count) for name, count in self._connection.execute(query)}


def _accounts(organization: str | None) -> Select[Any]:
    query = select(tables.accounts.c.account_id)
    return (
        query
        if organization is None
        else query.where(tables.accounts.c.organization_id == organization)
    )


def _own(account_id: ColumnElement[Any], organization: str | None) -> ColumnElement[bool]:
    """Hold rows to an organization's accounts; what is of no account is of no organization."""
    return true() if organization is None else account_id.in_(_accounts(organization))


def _of_organization(organization: str | None) -> list[ColumnElement[bool]]:
    return [] if organization is None else [_FAKE.c.organization_id == organization]
