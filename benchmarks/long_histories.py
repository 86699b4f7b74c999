"""Long histories of fills in databases of their own, for benchmarks.

Fills go in past the usual path, by ``executemany`` or COPY: what is measured comes on top of them.
What belongs here: drawing and pouring fills. What does not: what is timed (``books``).
"""

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from cryptography.fernet import Fernet, MultiFernet
from sqlalchemy import Engine, make_url, text

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.store.engine import migrate, open_engine
from tradesync_dagster.store.store import SqlStore

ACCOUNTS, INSTRUMENTS, DAYS = 20, 50, 1250
START = date(2021, 1, 4)
FIRST_ID = 10_000_000
_COLUMNS = ("account_id", "trade_date", "fill_id", "trade_id", "broker_order_id", "exchange",
            "symbol", "product", "side", "quantity", "price", "filled_at", "isin",
            "source")  # fmt: skip
Row = tuple[Any, ...]


def drawn(count: int, seed: int = 1) -> pd.DataFrame:
    """Draw fills of many accounts over five years, in the order of their days.

    Every other fill of a queue closes what the one before it opened, so that what is open stays
    as much whatever the length of the history.

    Args:
        count: How many.
        seed: The same gives the same.

    Returns:
        Columns of whole numbers; ``day`` and ``symbol`` are counted from 0.
    """
    rng = np.random.default_rng(seed)
    day = np.sort(rng.integers(0, DAYS, count))
    fills = pd.DataFrame(
        {
            "account_id": rng.integers(1, ACCOUNTS + 1, count),
            "day": day,
            "symbol": rng.integers(0, INSTRUMENTS, count),
            "price": rng.integers(2_000, 100_000, count) * 50_000,
            "second": rng.integers(0, 22_000, count),
        }
    )
    turn = fills.groupby(["account_id", "symbol"]).cumcount() % 2
    return fills.assign(quantity=np.where(turn == 0, 10, -10))


def opening_of(day: int) -> datetime:
    """Return when trading begins on a day, counted from 0."""
    return datetime(START.year, START.month, START.day, 4, tzinfo=UTC) + timedelta(days=day)


@contextmanager
def own_store(server: str = "") -> Iterator[SqlStore]:
    """Make books of ``ACCOUNTS`` accounts in a database that is gone afterwards.

    Args:
        server: URL of a PostgreSQL database, beside which another one is made; SQLite without.

    Yields:
        The store.
    """
    with _postgresql(server) if server else _sqlite() as url:
        engine = open_engine(url)
        migrate(engine)
        store = SqlStore(engine, MultiFernet([Fernet(Fernet.generate_key())]))
        names = [f"A{n}" for n in range(1, ACCOUNTS + 1)]
        store.put_accounts([Account(0, "b", name, "ZERODHA", credentials={}) for name in names])
        try:
            yield store
        finally:
            engine.dispose()


@contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder) / 'books.sqlite3'}"


@contextmanager
def _postgresql(server: str) -> Iterator[str]:
    name = f"tradesync_bench_{uuid.uuid4().hex[:8]}"
    beside = open_engine(server).execution_options(isolation_level="AUTOCOMMIT")
    with beside.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    beside.dispose()


def pour(engine: Engine, fills: pd.DataFrame) -> None:
    """Put drawn fills into the books' table, an account after the other.

    Args:
        engine: Of books that know the accounts and none of these fills.
        fills: From ``drawn``.
    """
    numbered = fills.assign(number=np.arange(len(fills)) + FIRST_ID)
    names = ", ".join(_COLUMNS)
    for account_id, own in numbered.groupby("account_id"):
        with engine.begin() as connection:
            cursor = connection.connection.cursor()
            if engine.dialect.name == "sqlite":
                marks = ", ".join("?" * len(_COLUMNS))
                statement = f"INSERT INTO fills ({names}) VALUES ({marks})"  # noqa: S608
                cursor.executemany(statement, _rows(int(account_id), own, ""))
                continue
            with cursor.copy(f"COPY fills ({names}) FROM STDIN") as copy:
                for row in _rows(int(account_id), own, "+00"):
                    copy.write_row(row)
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            connection.execute(text("ANALYZE fills"))  # as autovacuum does within its minute


def _rows(account_id: int, fills: pd.DataFrame, zone: str) -> Iterator[Row]:
    days = [(START + timedelta(days=day)).isoformat() for day in range(DAYS)]
    clock = [str(opening_of(0) + timedelta(seconds=second))[10:19] for second in range(22_000)]
    columns = (fills[name].tolist() for name in
               ("number", "day", "symbol", "quantity", "price", "second"))  # fmt: skip
    for number, day, symbol, quantity, price, second in zip(*columns, strict=True):
        side = "BUY" if quantity > 0 else "SELL"
        yield (
            account_id, days[day], f"NSE:{number}:{side}", str(number), f"B{number}", "NSE",
            f"SYM{symbol}", "CNC", side, abs(quantity), price,
            f"{days[day]}{clock[second]}.000000{zone}", "", "broker",
        )  # fmt: skip
