"""An import of a long tradebook, killed in the middle and given again: real processes and files."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.engine import migrate, open_engine
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.history import replay
from tradesync_dagster_tests.support.store_frames import stored

ROWS, DAYS = 45_000, 50
"""Two whole portions and some rows."""
TRIES = 3
"""A busy machine may let an import take all between two looks at it."""
HEADER = (
    "symbol,isin,trade_date,exchange,segment,series,trade_type,auction,quantity,price,trade_id,"
    "order_id,order_execution_time"
)


def lines() -> Iterator[str]:
    yield HEADER
    for number in range(ROWS):
        day = date(2024, 1, 1) + timedelta(days=number * DAYS // ROWS)
        side = "buy" if number // 7 % 2 == 0 else "sell"
        yield (
            f"SYM{number % 7},,{day},NSE,FO,,{side},false,{number % 5 + 1}.000000,"
            f"{100 + number % 90}.05,{number},{number},{day}T10:{number % 60:02}:00"
        )


@pytest.fixture(scope="module")
def tradebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files") / "trades.csv"
    path.write_text("\n".join(lines()) + "\n")
    return path


def opened(home: Path) -> SqlStore:
    settings = Settings(_env_file=None, home=home)
    engine = open_engine(settings.books_url)
    migrate(engine)
    store = SqlStore(engine, settings.cipher())
    if not store.accounts():
        store.put_accounts([Account(0, "acme", "main", "ZERODHA", credentials={"api_key": "k"})])
    return store


def begin(home: Path, tradebook: Path, *more: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tradesync_dagster.cli", "import-tradebook", str(tradebook)]
    environment = {"PATH": os.defpath, "TRADESYNC_HOME": str(home), "HOME": str(home)}
    return subprocess.Popen(
        [*command, "--account", "acme/main", "--json", *more],
        env=environment, cwd=home.parent, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def outcome(process: "subprocess.Popen[str]") -> dict[str, Any]:
    out, errors = process.communicate(timeout=300)
    assert process.returncode in (0, 1), errors
    found: dict[str, Any] = json.loads(out)
    return found


def books(store: SqlStore) -> list[Any]:
    return [stored(store, name) for name in ("fills", "lots", "position_days", "generations")]


def count(database: sqlite3.Connection) -> int:
    return int(database.execute("SELECT count(*) FROM fills").fetchone()[0])


def killed_at_work(home: Path, tradebook: Path) -> int:
    """Kill an import once its first portion is taken; return how many rows it had taken."""
    path = opened(home).engine.url.database
    process = begin(home, tradebook)
    with closing(sqlite3.connect(str(path), timeout=60, isolation_level=None)) as other:
        while not count(other):
            assert process.poll() is None or count(other), process.communicate()
            time.sleep(0.01)
        other.execute("UPDATE accounts SET enabled = enabled")  # another writer's turn comes
        process.kill()
        process.communicate()
        return count(other)


def test_killed_between_two_portions_and_given_again_it_ends_as_if_nothing_had_happened(
    tmp_path: Path, tradebook: Path
) -> None:
    whole = opened(tmp_path / "whole")
    assert outcome(begin(tmp_path / "whole", tradebook))["added"] == ROWS
    for home in (tmp_path / f"killed{number}" for number in range(TRIES)):
        taken = killed_at_work(home, tradebook)
        if taken < ROWS:
            break
    assert 0 < taken < ROWS
    assert taken % 20_000 == 0
    killed = opened(home)
    assert replay(killed, [1])[1].stale
    again = outcome(begin(home, tradebook))
    assert (again["added"], again["known"]) == (ROWS - taken, taken)
    assert books(killed) == books(whole)
    assert replay(killed, [1])[1].count == 0
    for store in (whole, killed):
        store.engine.dispose()


def test_strict_takes_no_portion_when_the_last_row_is_bad(tmp_path: Path, tradebook: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text(tradebook.read_text() + "SYM1,,2024-02-01\n")
    store = opened(tmp_path / "home")
    found = outcome(begin(tmp_path / "home", bad, "--strict"))
    assert (found["files"][0]["status"], found["rejected"]) == ("refused", 1)
    assert books(store) == [[], [], [], []]
    store.engine.dispose()
