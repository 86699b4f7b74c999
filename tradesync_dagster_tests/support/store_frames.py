"""Frames and tables of the store's tests, made by example and read back in a fixed order."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from sqlalchemy import Engine, select

from tradesync_dagster.domain.book_frames import DAY_COLUMNS, LOT_COLUMNS
from tradesync_dagster.domain.bookkeeping import Books
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.market_calendar import microseconds
from tradesync_dagster.store.schema import metadata
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.store_rows import BOOK_DAY, LOT

Dump = dict[str, list[tuple[Any, ...]]]


def lots(*rows: dict[str, Any]) -> pd.DataFrame:
    """Make a frame of lots, each ``LOT`` but for what is given."""
    return pd.DataFrame([LOT | row for row in rows], columns=list(LOT_COLUMNS))


def book_days(*rows: dict[str, Any]) -> pd.DataFrame:
    """Make a frame of days, each ``BOOK_DAY`` but for what is given; sums are Python ints."""
    frame = pd.DataFrame([BOOK_DAY | row for row in rows], columns=list(DAY_COLUMNS))
    return frame.astype({"cost": object, "realised_pnl": object})


def books(of_lots: Sequence[dict[str, Any]], of_days: Sequence[dict[str, Any]]) -> Books:
    return Books(lots(*of_lots), book_days(*of_days))


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Turn a frame into rows in an order that is its own."""
    found = [
        dict(zip(frame.columns, row, strict=True))
        for row in frame.itertuples(index=False, name=None)
    ]
    return sorted(found, key=lambda row: [str(value) for value in row.values()])


def fill_row(fill: Fill, account_id: int = 1) -> dict[str, Any]:
    """Say how a frame of fills has one."""
    return {
        "account_id": account_id,
        "trade_date": fill.trade_date.toordinal(),
        "fill_id": fill.fill_id,
        "broker_order_id": fill.broker_order_id,
        "exchange": fill.exchange,
        "symbol": fill.symbol,
        "isin": fill.isin,
        "product": fill.product,
        "quantity": fill.quantity * fill.side.sign,
        "price": fill.price,
        "filled_at": microseconds(fill.filled_at),
    }


def fill_rows(*fills: Fill, account_id: int = 1) -> list[dict[str, Any]]:
    """Say how ``rows`` gives some fills of one account."""
    return rows(pd.DataFrame([fill_row(fill, account_id) for fill in fills]))


def dump(store: SqlStore) -> Dump:
    """Read all tables, each in an order of its own."""
    with store.reading() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }


def stored(store: SqlStore, table: str) -> list[dict[str, Any]]:
    """Read one table by key, as rows."""
    found = metadata.tables[table]
    with store.reading() as connection:
        query = select(found).order_by(*found.primary_key.columns)
        return [dict(row) for row in connection.execute(query).mappings()]


def refuse_rows(engine: Engine, name: str, account_id: int) -> None:
    """Let the database itself refuse new rows of an account in a table."""
    refused = f"CHECK (account_id <> {account_id}) NOT VALID"
    check = f"ALTER TABLE {name} ADD CONSTRAINT no_{name} {refused}"
    if engine.dialect.name == "sqlite":  # which adds no checks to tables that are there
        check = (
            f"CREATE TRIGGER no_{name} BEFORE INSERT ON {name} "
            f"WHEN new.account_id = {account_id} BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    with engine.begin() as connection:
        connection.exec_driver_sql(check)
