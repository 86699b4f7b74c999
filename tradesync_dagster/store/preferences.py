"""Who is told of what, in the store.

What belongs here: reading and writing preferences. What does not: the events
(``domain.notifications``).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from tradesync_dagster.domain.notifications import Happening
from tradesync_dagster.store import tables
from tradesync_dagster.store.retry_tables import notification_preferences as table
from tradesync_dagster.store.rows import Repository, upsert


class Preferences(Repository):
    """Reads and writes preferences; what was never said is wanted."""

    def unwanted(self, account_ids: Sequence[int]) -> set[tuple[int, str, Happening]]:
        """See ``preference_rows.PreferenceRows``."""
        accounts = tables.accounts
        query = (
            select(accounts.c.account_id, table.c.recipient, table.c.event)
            .join_from(accounts, table, accounts.c.organization_id == table.c.organization_id)
            .where(accounts.c.account_id.in_(account_ids), ~table.c.wanted)
        )
        return {(row[0], row[1], Happening(row[2])) for row in self._connection.execute(query)}

    def preferences(self, organization: str) -> list[dict[str, Any]]:
        """Read what an organization said."""
        query = select(table).where(table.c.organization_id == organization)
        return self._rows(query)

    def put_preference(
        self, key: tuple[str, str, Happening], *, wanted: bool, who: str, at: datetime
    ) -> None:
        """Keep what (an organization, for a recipient) said of an event."""
        organization, recipient, happening = key
        row = {
            "organization_id": organization, "recipient": recipient, "event": happening.value,
            "wanted": wanted, "who": who, "changed_at": at,
        }  # fmt: skip
        upsert(self._connection, table, [row])
