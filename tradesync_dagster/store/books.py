"""The books made from fills: lots and days of the past, positions and holdings of now.

What belongs here: reading and writing them in bulk. What does not: matching and valuation
(``domain``), fills (``fills``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import (
    ColumnElement,
    Table,
    and_,
    bindparam,
    case,
    delete,
    literal,
    select,
)

from tradesync_dagster.domain.book_days import STILL_OPEN
from tradesync_dagster.domain.book_frames import DAY_COLUMNS, LOT_COLUMNS, QUEUE
from tradesync_dagster.domain.book_states import Generation, Unshown
from tradesync_dagster.domain.bookkeeping import Books
from tradesync_dagster.store import book_tables
from tradesync_dagster.store.frames import frame_of, rows_of, tuples_of
from tradesync_dagster.store.rows import Repository, insert_new, upsert


class BookKeeping(Repository):
    """Reads and writes lots, days, positions and holdings."""

    def generations(self, account_ids: Sequence[int]) -> dict[int, Generation]:
        """See ``unit_of_work.BookRows``."""
        table = book_tables.generations
        columns = [table.c[field.name] for field in fields(Generation)]
        query = select(*columns).where(table.c.account_id.in_(account_ids))
        found = {
            r["account_id"]: Generation(**r) for r in self._connection.execute(query).mappings()
        }
        return {a: found.get(a, Generation(a)) for a in account_ids}

    def put_generations(self, generations: Iterable[Generation]) -> None:
        """See ``unit_of_work.BookRows``."""
        upsert(self._connection, book_tables.generations, [asdict(g) for g in generations])

    def unshown(self, account_ids: Sequence[int]) -> list[Unshown]:
        """See ``unit_of_work.BookRows``."""
        table = book_tables.generations
        query = (
            select(
                table.c.account_id,
                table.c.changed_from,
                table.c.changes,
                table.c.stale_from.is_not(None),
            )
            .where(table.c.account_id.in_(account_ids), table.c.changed_from.is_not(None))
            .order_by(table.c.account_id)
        )
        rows = self._connection.execute(query)
        return [Unshown(row[0], row[1], row[2], bool(row[3])) for row in rows]

    def mark_changed(self, since: Mapping[int, date]) -> None:
        """See ``unit_of_work.BookRows``."""
        table = book_tables.generations
        insert_new(self._connection, table, [{"account_id": one} for one in since])
        for account_id, day in sorted(since.items()):
            earlier = case((table.c.changed_from < day, table.c.changed_from), else_=literal(day))
            self._connection.execute(
                table.update()
                .where(table.c.account_id == account_id)
                .values(changed_from=earlier, changes=table.c.changes + 1)
            )

    def mark_shown(self, shown: Iterable[Unshown], following: date | None) -> None:
        """See ``unit_of_work.BookRows``."""
        table = book_tables.generations
        for one in shown:
            same = (table.c.account_id == one.account_id) & (table.c.changes == one.changes)
            self._connection.execute(table.update().where(same).values(changed_from=following))

    def books_since(
        self, account_ids: Sequence[int], day: date, instruments: Sequence[str] | None
    ) -> Books:
        """See ``unit_of_work.BookRows``."""
        lots, days = book_tables.lots, book_tables.position_days
        of_lots: list[ColumnElement[bool]] = [
            lots.c.account_id.in_(account_ids),
            lots.c.held_to >= day,
        ]
        of_days = [days.c.account_id.in_(account_ids), days.c.trade_date >= day]
        if instruments is not None:
            of_lots.append(lots.c.instrument.in_(instruments))
            of_days.append(days.c.instrument.in_(instruments))
        return Books(
            frame_of(
                self._connection, select(*_columns(lots, LOT_COLUMNS)).where(*of_lots), LOT_COLUMNS
            ),
            frame_of(
                self._connection, select(*_columns(days, DAY_COLUMNS)).where(*of_days), DAY_COLUMNS
            ),
        )

    def instruments_since(self, account_ids: Sequence[int], day: date) -> set[str]:
        """See ``unit_of_work.BookRows``."""
        table = book_tables.position_days
        query = (
            select(table.c.instrument)
            .where(table.c.account_id.in_(account_ids), table.c.trade_date >= day)
            .distinct()
        )
        return set(self._connection.scalars(query))

    def replace_books(self, old: Books, new: Books) -> None:
        """See ``unit_of_work.BookRows``."""
        self._replace_rows(
            book_tables.lots,
            (*QUEUE, "trade_date", "fill_id", "piece", "held_from"),
            old.lots,
            new.lots,
        )
        changed = self._replace_rows(
            book_tables.position_days, (*QUEUE, "trade_date"), old.days, new.days
        )
        since: dict[int, int] = {}
        for account_id, strategy_id, *_, day in changed:
            if not strategy_id:
                since[account_id] = min(day, since.get(account_id, day))
        self.mark_changed({one: date.fromordinal(day) for one, day in since.items()})

    def _replace_rows(
        self, table: Table, key: Sequence[str], old: pd.DataFrame, new: pd.DataFrame
    ) -> list[tuple[Any, ...]]:
        """Write the rows that differ, and return their keys."""
        columns = [*key, *(name for name in new.columns if name not in key)]
        before, after = tuples_of(old, columns), tuples_of(new, columns)
        stored, kept = set(before), {row[: len(key)] for row in after}
        gone = [row[: len(key)] for row in before if row[: len(key)] not in kept]
        if gone:
            match = and_(*(table.c[name] == bindparam(f"_{name}") for name in key))
            self._connection.execute(
                delete(table).where(match),
                [{f"_{name}": value for name, value in row.items()} for row in rows_of(key, gone)],
            )
        fresh = [row for row in after if row not in stored]
        upsert(self._connection, table, rows_of(columns, fresh))
        return gone + [row[: len(key)] for row in fresh]

    def open_lots(self, account_ids: Sequence[int], day: date | None) -> pd.DataFrame:
        """See ``unit_of_work.BookRows``."""
        table = book_tables.lots
        query = select(*_columns(table, LOT_COLUMNS)).where(
            table.c.account_id.in_(account_ids),
            table.c.strategy_id == "",
            open_at_end_of(day),
        )
        return frame_of(self._connection, query, LOT_COLUMNS)

    def days(self, account_ids: Sequence[int], day: date) -> pd.DataFrame:
        """See ``unit_of_work.BookRows``."""
        table = book_tables.position_days
        query = select(*_columns(table, DAY_COLUMNS)).where(
            table.c.account_id.in_(account_ids),
            table.c.trade_date == day,
            table.c.strategy_id == "",
        )
        return frame_of(self._connection, query, DAY_COLUMNS)

    def put_positions(self, account_ids: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
        """See ``unit_of_work.BookRows``."""
        self._replace(book_tables.positions, account_ids, rows)

    def put_holdings(self, account_ids: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
        """See ``unit_of_work.BookRows``."""
        self._replace(book_tables.holdings, account_ids, rows)

    def positions(self, account_ids: Sequence[int]) -> list[dict[str, Any]]:
        """See ``unit_of_work.BookRows``."""
        return self._listed(book_tables.positions, account_ids)

    def holdings(self, account_ids: Sequence[int]) -> list[dict[str, Any]]:
        """See ``unit_of_work.BookRows``."""
        return self._listed(book_tables.holdings, account_ids)

    def _listed(self, table: Table, account_ids: Sequence[int]) -> list[dict[str, Any]]:
        query = (
            select(table)
            .where(table.c.account_id.in_(account_ids))
            .order_by(*table.primary_key.columns)
        )
        return self._rows(query)

    def _replace(
        self, table: Table, account_ids: Sequence[int], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        self._connection.execute(delete(table).where(table.c.account_id.in_(account_ids)))
        insert_new(self._connection, table, rows)


def open_at_end_of(day: date | None) -> ColumnElement[bool]:
    """Choose the lots that are open at a day's end; ``None`` for now."""
    table = book_tables.lots
    if day is None:
        return table.c.held_to == date.fromordinal(STILL_OPEN)
    return and_(table.c.held_to > day, table.c.held_from <= day)


def _columns(table: Table, names: Sequence[str]) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in names]
