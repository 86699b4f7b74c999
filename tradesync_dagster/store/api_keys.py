"""Keys of the HTTP API, of which only digests are kept.

What belongs here: reading and writing the keys. What does not: tokens (``domain.api_keys``).
"""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.engine import RowMapping

from tradesync_dagster.domain.api_keys import ApiKey
from tradesync_dagster.domain.people import Role
from tradesync_dagster.store import tables
from tradesync_dagster.store.rows import Repository


class ApiKeys(Repository):
    """Reads and writes keys."""

    def add(self, key: ApiKey, digest: str) -> None:
        """Insert a key with its token's digest."""
        self._connection.execute(insert(tables.api_keys).values(**asdict(key), digest=digest))

    def listed(self, organization_id: str | None) -> list[ApiKey]:
        """Read the keys of one organization, or of all, oldest first."""
        table = tables.api_keys
        query = select(table).order_by(table.c.created_at, table.c.key_id)
        if organization_id is not None:
            query = query.where(table.c.organization_id == organization_id)
        return [_key_of(row) for row in self._connection.execute(query).mappings()]

    def found(self, key_id: str) -> tuple[ApiKey, str] | None:
        """Read one key and its digest."""
        table = tables.api_keys
        query = select(table).where(table.c.key_id == key_id)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else (_key_of(row), str(row["digest"]))

    def revoke(self, key_id: str, at: datetime) -> None:
        """Note since when a key opens nothing; one that is revoked keeps its first time."""
        table = tables.api_keys
        where = (table.c.key_id == key_id, table.c.revoked_at.is_(None))
        self._connection.execute(update(table).where(*where).values(revoked_at=at))


def _key_of(row: RowMapping) -> ApiKey:
    given = {str(name): value for name, value in row.items() if name != "digest"}
    return ApiKey(**given | {"role": Role(row["role"])})
