"""What ticks came to.

What belongs here: the summaries of ticks. What does not: clearing them (``clearing``).
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from tradesync_dagster.store import tables
from tradesync_dagster.store.rows import Repository, upsert


class Ticks(Repository):
    """Reads and writes what ticks tell of themselves."""

    def put(self, row: Mapping[str, Any]) -> None:
        """Keep one tick's summary."""
        upsert(self._connection, tables.ticks, [row])

    def last(self, limit: int) -> list[dict[str, Any]]:
        """Read the latest ticks, newest first."""
        table = tables.ticks
        query = select(table).order_by(table.c.started_at.desc(), table.c.shard).limit(limit)
        return self._rows(query)
