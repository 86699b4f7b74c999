"""Snapshots and notifications in the store, committed with the change that they tell of.

What belongs here: versions of documents and the order of messages. What does not: sending them
(``publish``).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from hashlib import sha256

from sqlalchemy import bindparam, select, update

from tradesync_dagster.domain.publications import PEOPLE, OutboxMessage, Published, Snapshot
from tradesync_dagster.store import tables
from tradesync_dagster.store.rows import Repository, insert_new, row_of, upsert


class Outbox(Repository):
    """Reads and writes snapshots and notifications."""

    def put_snapshots(self, documents: Mapping[int, bytes]) -> set[int]:
        """See ``unit_of_work.PublicationRows``."""
        table = tables.snapshots
        query = select(table.c.account_id, table.c.version, table.c.digest).where(
            table.c.account_id.in_(documents)
        )
        known = {row[0]: (row[1], row[2]) for row in self._connection.execute(query)}
        rows = []
        for account_id, body in documents.items():
            version, old = known.get(account_id, (0, ""))
            digest = sha256(body).hexdigest()
            if digest != old:
                rows.append(
                    {
                        "account_id": account_id,
                        "version": version + 1,
                        "digest": digest,
                        "body": body,
                    }
                )
        upsert(self._connection, table, rows)
        return {row["account_id"] for row in rows}

    def snapshots(self, account_ids: Collection[int]) -> dict[int, bytes]:
        """See ``unit_of_work.PublicationRows``."""
        table = tables.snapshots
        query = select(table.c.account_id, table.c.body).where(table.c.account_id.in_(account_ids))
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def unpublished(self, account_ids: Sequence[int] | None) -> list[Snapshot]:
        """See ``ports.Store``."""
        table, accounts = tables.snapshots, tables.accounts
        query = select(
            table.c.account_id,
            accounts.c.organization_id,
            accounts.c.pseudo_account,
            table.c.version,
            table.c.body,
        ).join_from(table, accounts)
        if account_ids is None:
            query = query.where(table.c.published_version < table.c.version)
        else:
            query = query.where(table.c.account_id.in_(account_ids))
        rows = self._connection.execute(query.order_by(table.c.account_id))
        return [Snapshot(row[0], f"{row[1]}/{row[2]}", row[3], row[4]) for row in rows]

    def published(self, account_ids: Sequence[int]) -> list[Published]:
        """See ``ports.Store``."""
        table, accounts = tables.snapshots, tables.accounts
        query = (
            select(
                table.c.account_id,
                accounts.c.organization_id,
                accounts.c.pseudo_account,
                table.c.version,
            )
            .join_from(table, accounts)
            .where(
                table.c.account_id.in_(account_ids), table.c.published_version >= table.c.version
            )
        )
        rows = self._connection.execute(query)
        return [Published(row[0], f"{row[1]}/{row[2]}", row[3]) for row in rows]

    def mark_published(self, snapshots: Sequence[Snapshot]) -> None:
        """See ``ports.Store``."""
        if not snapshots:
            return
        table = tables.snapshots
        self._connection.execute(
            update(table)
            .where(
                table.c.account_id == bindparam("of"),
                table.c.published_version < bindparam("taken"),
            )
            .values(published_version=bindparam("taken")),
            [{"of": s.account_id, "taken": s.version} for s in snapshots],
        )

    def update_messages(self, bodies: Mapping[str, bytes]) -> None:
        """See ``ports.Store``."""
        if not bodies:
            return
        table = tables.outbox
        self._connection.execute(
            update(table)
            .where(table.c.message_id == bindparam("of"), table.c.sent_at.is_(None))
            .values(body=bindparam("text")),
            [{"of": message_id, "text": body} for message_id, body in bodies.items()],
        )

    def add_messages(self, messages: Iterable[OutboxMessage]) -> None:
        """See ``unit_of_work.PublicationRows``."""
        insert_new(self._connection, tables.outbox, map(row_of, messages))

    def pending(self, limit: int, exchange: str | None = None) -> list[OutboxMessage]:
        """Read unsent notifications, oldest first; without an exchange, all but people's."""
        table = tables.outbox
        theirs = table.c.exchange.startswith(PEOPLE)
        wanted = ~theirs if exchange is None else table.c.exchange == exchange
        query = (
            select(*(table.c[field.name] for field in fields(OutboxMessage)))
            .where(table.c.sent_at.is_(None), wanted)
            .order_by(table.c.outbox_id)
            .limit(limit)
        )
        return [OutboxMessage(*row) for row in self._connection.execute(query)]

    def last_sent(self, exchange: str) -> datetime | None:
        """Tell when a message to an exchange was last taken; ``None`` for never."""
        table = tables.outbox
        query = (
            select(table.c.sent_at)
            .where(table.c.exchange == exchange, table.c.sent_at.is_not(None))
            .order_by(table.c.sent_at.desc())
            .limit(1)
        )
        return self._connection.execute(query).scalar()

    def mark_sent(self, message_ids: Sequence[str], at: datetime) -> None:
        """Mark notifications as confirmed."""
        table = tables.outbox
        self._connection.execute(
            update(table).where(table.c.message_id.in_(message_ids)).values(sent_at=at)
        )
