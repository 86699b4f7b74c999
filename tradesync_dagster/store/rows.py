"""How rows are written in bulk, the same on SQLite and PostgreSQL.

What belongs here: the upserts that every repository uses. What does not: any table's own rules.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table, case, column, or_, select, text
from sqlalchemy.dialects import postgresql, sqlite

_CHUNK = 5_000
_COPIED = 500
"""From how many rows on COPY is worth its temporary table."""
_STAGE = "tradesync_stage"


class Repository:
    """Base of the repositories: holds the transaction's connection."""

    def __init__(self, connection: Connection) -> None:
        """Work inside a transaction that someone else commits.

        Args:
            connection: An open transaction.
        """
        self._connection = connection

    def _rows(self, query: Select[Any]) -> list[dict[str, Any]]:
        found = self._connection.execute(query)
        # SQLAlchemy gives its own kind of str, which no JSON takes for a key.
        names = list(map(str, found.keys()))
        return [dict(zip(names, row, strict=True)) for row in found]


def row_of(value: Any) -> dict[str, Any]:
    """Write a value of a dataclass as a row; ``asdict`` would copy fields, at ten times the cost.

    Args:
        value: Its fields are the columns, and no dataclasses themselves.

    Returns:
        The fields by name.
    """
    kind: Any = type(value)  # mypy takes no class for hashable
    return {name: getattr(value, name) for name in _names(kind)}


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def insert_into(connection: Connection, table: Table) -> Any:
    """Return an insert that can be told what to do on a conflict, which SQL has no one word for."""
    module = sqlite if connection.dialect.name == "sqlite" else postgresql
    return module.insert(table)


def insert_new(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert the rows whose key is not there yet; leave the others as they are.

    Args:
        connection: An open transaction.
        table: Where to.
        rows: Mappings with the same keys.
    """
    listed = [dict(row) for row in rows]
    if listed:
        key = [c.name for c in table.primary_key if c.name in listed[0]]
        _write(connection, table, listed, key, lambda insert: insert.on_conflict_do_nothing())


def upsert(
    connection: Connection,
    table: Table,
    rows: Iterable[Mapping[str, Any]],
    *,
    keep: Sequence[str] = (),
    counted: Mapping[str, str] | None = None,
    merged: Mapping[str, Callable[[Any, Any], Any]] | None = None,
) -> None:
    """Insert rows, or bring those with the same primary key up to date where they differ.

    Args:
        connection: An open transaction.
        table: Where to.
        rows: Mappings with the same keys.
        keep: Columns that an existing row keeps.
        counted: Counter column to a column of times: the counter grows by one whenever a row comes
            again with a later time.
        merged: Column to what becomes of an existing value and a new one.
    """
    listed = [dict(row) for row in rows]
    if not listed:
        return
    key = [column.name for column in table.primary_key]
    changing = [name for name in listed[0] if name not in key and name not in keep]

    def resolved(statement: Any) -> Any:
        differs = or_(
            *(table.c[name].is_distinct_from(statement.excluded[name]) for name in changing)
        )
        return statement.on_conflict_do_update(
            index_elements=key,
            set_={name: statement.excluded[name] for name in changing}
            | {
                counter: table.c[counter]
                + case((statement.excluded[time] > table.c[time], 1), else_=0)
                for counter, time in (counted or {}).items()
            }
            | {
                name: merge(table.c[name], statement.excluded[name])
                for name, merge in (merged or {}).items()
            },
            where=differs,
        )

    _write(connection, table, listed, key, resolved)


def _write(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    key: Sequence[str],
    resolved: Callable[[Any], Any],
) -> None:
    insert = insert_into(connection, table)
    if connection.dialect.name == "postgresql" and len(rows) >= _COPIED:
        unique = {tuple(row[name] for name in key) for row in rows}
        if len(unique) == len(rows):  # one statement may not meet the same row twice
            _copy(connection, table, rows)
            columns = [table.c[name] for name in rows[0]]
            staged = select(*(column(c.name, c.type) for c in columns)).select_from(text(_STAGE))
            connection.execute(resolved(insert.from_select([c.name for c in columns], staged)))
            return
    statement = resolved(insert)
    for start in range(0, len(rows), _CHUNK):
        connection.execute(statement, rows[start : start + _CHUNK])


def _copy(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Bring rows into a temporary table by COPY, several times faster than by statements."""
    names = list(rows[0])
    columns = ", ".join(f'"{name}"' for name in names)
    connection.execute(text(f"DROP TABLE IF EXISTS {_STAGE}"))
    connection.execute(
        text(
            f"CREATE TEMP TABLE {_STAGE} ON COMMIT DROP AS "  # noqa: S608 - our own names
            f'SELECT {columns} FROM "{table.name}" WITH NO DATA'
        )
    )
    processors = [
        table.c[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
        for name in names
    ]
    driver = connection.connection.cursor()
    with driver.copy(f"COPY {_STAGE} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(
                [
                    process(row[name]) if process else row[name]
                    for name, process in zip(names, processors, strict=True)
                ]
            )
