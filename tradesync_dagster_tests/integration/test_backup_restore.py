"""Backups made while syncs write, and books laid from them, on both databases."""

import hashlib
import json
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.engine import make_url

from tradesync_dagster.bootstrap.backups import back_up, restore
from tradesync_dagster.domain.errors import ConfigurationError, NotMigratedError
from tradesync_dagster.settings import Settings
from tradesync_dagster.store import tables
from tradesync_dagster.store.engine import check_migrated, downgrade, migrate, open_engine
from tradesync_dagster.store.schema import metadata
from tradesync_dagster_tests.conftest import _fresh_database
from tradesync_dagster_tests.support.desk import Desk

AT = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def second_url(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Another empty database of the same kind."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path}/second/books.sqlite3"
        return
    with _fresh_database(request.getfixturevalue("postgres_server")) as url:
        yield url


def at(url: str, home: Path) -> Settings:
    return Settings(home=home, database_url=url, _env_file=None)


def exported(engine: Engine) -> bytes:
    """Write every row of every table, in the order of their keys."""
    lines = []
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            query = select(table).order_by(*table.primary_key)
            lines += [
                json.dumps([table.name, *map(repr, row)]) for row in connection.execute(query)
            ]
    return "\n".join(lines).encode()


def test_restored_books_are_the_same_byte_for_byte_and_go_on(
    desk: Desk, database_url: str, second_url: str, tmp_path: Path
) -> None:
    desk.by_hand("BUY", 10)
    desk.sync()
    desk.step(20)
    desk.sync()
    file = tmp_path / "books.backup"
    back_up(at(database_url, tmp_path), file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.glob("*.part*")] == []
    before = exported(desk.services.store.engine)
    desk.by_hand("BUY", 7)
    desk.sync()
    assert exported(desk.services.store.engine) != before
    restore(at(second_url, tmp_path), file)
    engine = open_engine(second_url)
    try:
        assert hashlib.sha256(exported(engine)).digest() == hashlib.sha256(before).digest()
        check_migrated(engine)
    finally:
        engine.dispose()


def test_a_backup_is_of_one_moment_while_others_write(
    desk: Desk, database_url: str, second_url: str, tmp_path: Path
) -> None:
    """Each transaction writes two tables alike; a copy that mixed two moments would show it."""
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with desk.services.store.writing() as connection:
                for table in (tables.strategies, tables.claims):
                    connection.execute(delete(table))
                made = {"strategy_id": "s", "organization_id": "desk", "created_at": AT}
                connection.execute(insert(tables.strategies), made | {"name": str(number)})
                claim = made | {"claim_id": UUID(int=1), "exchange": "NSE", "who": "w"}
                connection.execute(insert(tables.claims), claim | {"symbol": str(number)})

    writer = threading.Thread(target=write)
    writer.start()
    try:
        back_up(at(database_url, tmp_path), tmp_path / "books.backup")
    finally:
        stop.set()
        writer.join()
    restore(at(second_url, tmp_path), tmp_path / "books.backup")
    engine = open_engine(second_url)
    with engine.connect() as connection:
        both = [
            connection.exec_driver_sql(query).scalar()
            for query in ("SELECT max(name) FROM strategies", "SELECT max(symbol) FROM claims")
        ]
    engine.dispose()
    assert both[0] == both[1]


def test_nothing_is_overwritten(desk: Desk, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "books.backup"
    back_up(at(database_url, tmp_path), file)
    kept = file.read_bytes()
    with pytest.raises(ConfigurationError, match="is there already"):
        back_up(at(database_url, tmp_path), file)
    assert file.read_bytes() == kept
    before = exported(desk.services.store.engine)
    with pytest.raises(ConfigurationError, match="is not empty; restore into a new one"):
        restore(at(database_url, tmp_path), file)
    assert exported(desk.services.store.engine) == before


@pytest.mark.parametrize("content", [b"", b"hello", b"SQLite format 3\x00 cut", b"PGDMP cut"])
def test_what_is_no_backup_is_refused_and_lays_nothing(
    second_url: str, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "wrong"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"wrong|file header"):
        restore(at(second_url, tmp_path), file)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        restore(at(second_url, tmp_path), tmp_path / "none")
    engine = open_engine(second_url)
    with pytest.raises(NotMigratedError, match="schema none"):
        check_migrated(engine)
    engine.dispose()


def test_a_damaged_backup_is_refused_and_lays_nothing(
    desk: Desk, database_url: str, second_url: str, tmp_path: Path
) -> None:
    """Damage in the middle of the file, so that its beginning is that of a backup."""
    file = tmp_path / "books.backup"
    back_up(at(database_url, tmp_path), file)
    whole = file.read_bytes()
    middle = len(whole) // 2
    file.write_bytes(whole[:middle] + b"\xff" * 8192 + whole[middle + 8192 :])
    with pytest.raises(ConfigurationError):
        restore(at(second_url, tmp_path), file)
    file.write_bytes(whole)
    restore(at(second_url, tmp_path), file)
    engine = open_engine(second_url)
    try:
        assert exported(engine) == exported(desk.services.store.engine)
    finally:
        engine.dispose()


def test_a_backup_of_older_books_is_laid_and_the_next_command_said(
    desk: Desk, database_url: str, second_url: str, tmp_path: Path
) -> None:
    engine = open_engine(database_url)
    file = tmp_path / "books.backup"
    back_up(at(database_url, tmp_path), file)
    downgrade(engine, "0013")
    with pytest.raises(NotMigratedError):
        back_up(at(database_url, tmp_path), tmp_path / "other")
    assert not (tmp_path / "other").exists()
    with pytest.raises(ConfigurationError, match="cannot go back to '9999'"):
        downgrade(engine, "9999")
    with pytest.raises(ConfigurationError, match="cannot go back to '0014'"):
        downgrade(engine, "0014")
    migrate(engine)
    check_migrated(engine)
    engine.dispose()


@pytest.mark.postgres
def test_a_password_is_in_no_error(postgres_url: str, tmp_path: Path) -> None:
    url = make_url(postgres_url).set(password="hunter2", port=1)
    with pytest.raises(ConfigurationError) as raised:
        back_up(at(url.render_as_string(hide_password=False), tmp_path), tmp_path / "f")
    assert "hunter2" not in str(raised.value)
    assert not (tmp_path / "f").exists()
