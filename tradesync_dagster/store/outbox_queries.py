"""What the outbox holds, for people who look whether messages leave.

What belongs here: lists, and who has something new. What does not: writing and sending
(``outbox``).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from tradesync_dagster.store import tables
from tradesync_dagster.store.rows import Repository

_OUTBOX, _ACCOUNTS = tables.outbox, tables.accounts
Rows = list[dict[str, Any]]


class OutboxQueries(Repository):
    """Reads messages; ``None`` for an organization means every one, and those of no account."""

    def waiting(self, organization: str | None, before: datetime, limit: int) -> tuple[Rows, int]:
        """List messages that were written before a moment and wait, oldest first, and count all."""
        where = (_OUTBOX.c.sent_at.is_(None), _OUTBOX.c.created_at < before)
        return self._listed(organization, where, _OUTBOX.c.outbox_id.asc(), limit)

    def sent(self, organization: str | None, limit: int) -> tuple[Rows, int]:
        """List messages that were sent, newest first, and count all."""
        where = (_OUTBOX.c.sent_at.is_not(None),)
        return self._listed(organization, where, _OUTBOX.c.outbox_id.desc(), limit)

    def last_id(self) -> int:
        """Return the newest message's number; 0 without any."""
        return int(self._connection.execute(select(func.max(_OUTBOX.c.outbox_id))).scalar() or 0)

    def organizations_since(self, outbox_id: int) -> set[str]:
        """Name whose accounts have messages newer than a number; empty for those of no account."""
        query = (
            select(func.coalesce(_ACCOUNTS.c.organization_id, ""))
            .select_from(_OUTBOX.outerjoin(_ACCOUNTS))
            .where(_OUTBOX.c.outbox_id > outbox_id)
            .distinct()
        )
        return set(self._connection.execute(query).scalars())

    def _listed(
        self,
        organization: str | None,
        where: tuple[ColumnElement[bool], ...],
        order: ColumnElement[Any],
        limit: int,
    ) -> tuple[Rows, int]:
        names = (_ACCOUNTS.c.organization_id, _ACCOUNTS.c.pseudo_account)
        query = _within(select(_OUTBOX, *names), organization).where(*where)
        count = _within(select(func.count()), organization).where(*where)
        rows = self._connection.execute(query.order_by(order).limit(limit)).mappings()
        return [dict(row) for row in rows], int(self._connection.execute(count).scalar_one())


def _within(query: Select[Any], organization: str | None) -> Select[Any]:
    joined = query.select_from(_OUTBOX.outerjoin(_ACCOUNTS))
    return (
        joined
        if organization is None
        else joined.where(_ACCOUNTS.c.organization_id == organization)
    )
