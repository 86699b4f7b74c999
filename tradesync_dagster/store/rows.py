"""How rows are written in bulk, the same on SQLite and PostgreSQL.

What belongs here: the upserts that every repository uses. What does not: any table's own rules.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, case, or_
from sqlalchemy.dialects import postgresql, sqlite

_CHUNK = 5_000


class Repository:
    """Base of the repositories: holds the transaction's connection."""

    def __init__(self, connection: Connection) -> None:
        """Work inside a transaction that someone else commits.

        Args:
            connection: An open transaction.
        """
        self._connection = connection


def _insert(connection: Connection, table: Table) -> Any:
    module = sqlite if connection.dialect.name == "sqlite" else postgresql
    return module.insert(table)


def insert_new(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert the rows whose key is not there yet; leave the others as they are.

    Args:
        connection: An open transaction.
        table: Where to.
        rows: Mappings with the same keys.
    """
    _run(connection, _insert(connection, table).on_conflict_do_nothing(), rows)


def upsert(
    connection: Connection,
    table: Table,
    rows: Iterable[Mapping[str, Any]],
    *,
    keep: Sequence[str] = (),
    counted: Mapping[str, str] | None = None,
) -> None:
    """Insert rows, or bring those with the same primary key up to date where they differ.

    Args:
        connection: An open transaction.
        table: Where to.
        rows: Mappings with the same keys.
        keep: Columns that an existing row keeps.
        counted: Counter column to a column of times: the counter grows by one whenever a row comes
            again with a later time.
    """
    listed = list(rows)
    if not listed:
        return
    statement = _insert(connection, table)
    key = [column.name for column in table.primary_key]
    changing = [name for name in listed[0] if name not in key and name not in keep]
    differs = or_(*(table.c[name].is_distinct_from(statement.excluded[name]) for name in changing))
    statement = statement.on_conflict_do_update(
        index_elements=key,
        set_={name: statement.excluded[name] for name in changing}
        | {
            counter: table.c[counter] + case((statement.excluded[time] > table.c[time], 1), else_=0)
            for counter, time in (counted or {}).items()
        },
        where=differs,
    )
    _run(connection, statement, listed)


def _run(connection: Connection, statement: Any, rows: Iterable[Mapping[str, Any]]) -> None:
    listed = [dict(row) for row in rows]
    for start in range(0, len(listed), _CHUNK):
        connection.execute(statement, listed[start : start + _CHUNK])
