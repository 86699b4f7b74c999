"""Fills and what is made of them: lots, positions, holdings, and the prices that value them.

What belongs here: reading and writing them in bulk. What does not: matching and valuation
(``domain.fifo``, ``domain.positions``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Table, delete, select, tuple_

from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.store import tables
from tradesync_dagster.store.rows import Repository, insert_new, upsert

_FILL_FIELDS = tuple(field.name for field in fields(Fill))
_LOOKUP = 2_000


def _fill_of(found: Mapping[Any, Any]) -> Fill:
    values = {name: found[name] for name in _FILL_FIELDS}
    values["side"] = Side(values["side"])
    return Fill(**values)


class Books(Repository):
    """Reads and writes fills, lots, positions and holdings."""

    def add_fills(self, account_fills: Iterable[tuple[int, Fill]]) -> list[tuple[int, Fill, Fill]]:
        """See ``ports.UnitOfWork``."""
        sent = {(a, fill.trade_date, fill.fill_id): fill for a, fill in account_fills}
        known = self._known(list(sent))
        fresh = [
            {
                "account_id": key[0],
                "fill_id": key[2],
                **{name: getattr(fill, name) for name in _FILL_FIELDS},
                "side": fill.side.value,
            }
            for key, fill in sent.items()
            if key not in known
        ]
        insert_new(self._connection, tables.fills, fresh)
        return [(key[0], old, sent[key]) for key, old in known.items() if old != sent[key]]

    def _known(self, keys: list[tuple[Any, ...]]) -> dict[tuple[Any, ...], Fill]:
        table = tables.fills
        found: dict[tuple[Any, ...], Fill] = {}
        for start in range(0, len(keys), _LOOKUP):
            query = select(table).where(
                tuple_(table.c.account_id, table.c.trade_date, table.c.fill_id).in_(
                    keys[start : start + _LOOKUP]
                )
            )
            for row in self._connection.execute(query).mappings():
                found[row["account_id"], row["trade_date"], row["fill_id"]] = _fill_of(row)
        return found

    def fills(self, account_ids: Sequence[int]) -> list[tuple[int, Fill]]:
        """See ``ports.UnitOfWork``."""
        table = tables.fills
        query = (
            select(table)
            .where(table.c.account_id.in_(account_ids))
            .order_by(table.c.account_id, table.c.filled_at, table.c.trade_id, table.c.fill_id)
        )
        rows = self._connection.execute(query).mappings()
        return [(row["account_id"], _fill_of(row)) for row in rows]

    def put_positions(self, account_ids: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
        """See ``ports.UnitOfWork``."""
        self._replace(tables.positions, account_ids, rows)

    def put_holdings(self, account_ids: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
        """See ``ports.UnitOfWork``."""
        self._replace(tables.holdings, account_ids, rows)

    def put_lots(self, account_ids: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
        """See ``ports.UnitOfWork``."""
        self._replace(tables.lots, account_ids, rows)

    def positions(self, account_ids: Sequence[int]) -> list[dict[str, Any]]:
        """See ``ports.UnitOfWork``."""
        return self._listed(tables.positions, account_ids)

    def holdings(self, account_ids: Sequence[int]) -> list[dict[str, Any]]:
        """See ``ports.UnitOfWork``."""
        return self._listed(tables.holdings, account_ids)

    def _listed(self, table: Table, account_ids: Sequence[int]) -> list[dict[str, Any]]:
        query = (
            select(table)
            .where(table.c.account_id.in_(account_ids))
            .order_by(*table.primary_key.columns)
        )
        return [dict(row) for row in self._connection.execute(query).mappings()]

    def _replace(
        self, table: Table, account_ids: Sequence[int], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        self._connection.execute(delete(table).where(table.c.account_id.in_(account_ids)))
        insert_new(self._connection, table, rows)

    def instruments(self) -> dict[tuple[str, str], tuple[int, int | None]]:
        """See ``ports.UnitOfWork``."""
        table = tables.instruments
        query = select(table.c.exchange, table.c.symbol, table.c.multiplier, table.c.last_price)
        return {(r[0], r[1]): (r[2], r[3]) for r in self._connection.execute(query)}

    def put_instruments(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """See ``ports.UnitOfWork``."""
        upsert(self._connection, tables.instruments, rows)
