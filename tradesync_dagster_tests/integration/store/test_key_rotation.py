"""Changing the key that credentials are closed with: the old one opens nothing any more."""

import base64
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Engine, event, select

from tradesync_dagster.domain.errors import AccountNotFoundError, ConfigurationError
from tradesync_dagster.store.engine import migrate, open_engine
from tradesync_dagster.store.schema import metadata
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.store_frames import dump
from tradesync_dagster_tests.support.store_rows import TOKEN, accounts

OLD, NEW = Fernet(Fernet.generate_key()), Fernet(Fernet.generate_key())
BOTH = MultiFernet([NEW, OLD])
_TOKEN = re.compile(rb"gAAAA[A-Za-z0-9_=-]{60,}")


@pytest.fixture
def books(engine: Engine) -> SqlStore:
    """Books of two accounts, closed with the old key, their credentials changed a few times."""
    store = SqlStore(engine, MultiFernet([OLD]))
    for length in (400, 40, 4000, 0):  # so that rows have moved and left room behind
        token = TOKEN + "x" * length
        store.put_accounts([replace(one, credentials={"t": token}) for one in accounts()])
    store.put_accounts(accounts())
    return store


def closed(store: SqlStore) -> list[bytes]:
    with store.reading() as connection:
        return [bytes(one) for one in connection.scalars(
            select(metadata.tables["accounts"].c.credentials)
        )]  # fmt: skip


def opens(key: Fernet, token: bytes) -> bool:
    try:
        key.decrypt(token)
    except InvalidToken:
        return False
    return True


def left_in(file: Path, key: Fernet) -> int:
    """Count what a key still opens in the database's files, wherever in them it lies."""
    found = 0
    for part in file.parent.glob(f"{file.name}*"):
        for run in _TOKEN.findall(part.read_bytes()):
            # A token is followed by whatever stood there before, so every length is tried.
            found += any(opens(key, run[:end]) for end in range(100, len(run) + 1, 4))
    return found


def test_the_new_key_alone_opens_and_the_old_one_does_not(books: SqlStore) -> None:
    assert SqlStore(books.engine, BOTH).rotate_credentials(NEW) == 2
    assert all(opens(NEW, token) and not opens(OLD, token) for token in closed(books))
    with pytest.raises(ConfigurationError, match="closed with another key"):
        SqlStore(books.engine, MultiFernet([OLD])).accounts()
    found = SqlStore(books.engine, MultiFernet([NEW])).accounts()
    assert [dict(one.credentials) for one in found] == [{"access_token": TOKEN}] * 2


def test_again_changes_nothing(books: SqlStore) -> None:
    both = SqlStore(books.engine, BOTH)
    both.rotate_credentials(NEW)
    before = dump(books)
    assert both.rotate_credentials(NEW) == 0
    assert dump(books) == before


def test_no_old_token_is_left_in_the_files(tmp_path: Path) -> None:
    file = tmp_path / "books.sqlite3"
    engine = open_engine(f"sqlite:///{file}")

    def keep_deleted(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA secure_delete=OFF")  # some builds overwrite what is deleted

    event.listen(engine, "connect", keep_deleted)
    migrate(engine)
    store = SqlStore(engine, MultiFernet([OLD]))
    many = [replace(accounts()[0], pseudo_account=f"A{number}") for number in range(12)]
    for length in (0, 600, 0):
        token = TOKEN + "x" * length
        store.put_accounts([replace(one, credentials={"t": token}) for one in many])
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert left_in(file, OLD) > len(many)  # earlier ones too, in room that is free now
    assert SqlStore(engine, BOTH).rotate_credentials(NEW) == len(many)
    engine.dispose()
    assert left_in(file, OLD) == 0
    assert left_in(file, NEW) == len(many)


def test_a_reader_in_the_way_is_told_and_the_next_run_finishes(tmp_path: Path) -> None:
    file = tmp_path / "books.sqlite3"
    engine = open_engine(f"sqlite:///{file}")
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA busy_timeout=50"))
    migrate(engine)
    SqlStore(engine, MultiFernet([OLD])).put_accounts(accounts())
    both = SqlStore(engine, BOTH)
    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM accounts").fetchone()
        with pytest.raises(ConfigurationError, match="the change is made, but its traces stay"):
            both.rotate_credentials(NEW)
        reader.execute("ROLLBACK")
    assert all(opens(NEW, token) for token in closed(both))
    assert both.rotate_credentials(NEW) == 0
    engine.dispose()
    assert left_in(file, OLD) == 0


def test_one_that_no_key_opens_leaves_all_as_they_were(books: SqlStore) -> None:
    other = MultiFernet([Fernet(Fernet.generate_key())])
    SqlStore(books.engine, other).put_accounts(accounts()[1:])
    before = dump(books)
    with pytest.raises(ConfigurationError, match="ORG/A2 were closed with another key"):
        SqlStore(books.engine, BOTH).rotate_credentials(NEW)
    assert dump(books) == before


def test_added_credentials_join_the_stored_ones(store: SqlStore) -> None:
    store.put_credentials("ORG/A1", {"api_secret": "s", "access_token": "new"})
    [first, second] = store.accounts()
    assert dict(first.credentials) == {"access_token": "new", "api_secret": "s"}
    assert dict(second.credentials) == {"access_token": TOKEN}
    with pytest.raises(AccountNotFoundError, match="tradesync accounts list"):
        store.put_credentials("ORG/A3", {"api_secret": "s"})


def test_what_stands_elsewhere_goes_before_what_is_stored(store: SqlStore) -> None:
    asked: list[object] = []

    def elsewhere(keys: object) -> dict[tuple[str, str], dict[str, str]]:
        asked.append(keys)
        return {("ORG", "A2"): {"access_token": "outside", "more": "m"}}

    store.disable("ORG/A1")
    found = SqlStore(store.engine, store._cipher, elsewhere)
    [second] = found.accounts()
    assert dict(second.credentials) == {"access_token": "outside", "more": "m"}
    assert asked == [[("ORG", "A1"), ("ORG", "A2")]]  # disabled ones too: a name may fit both
    [_, plain] = found.accounts(enabled_only=False, as_stored=True)
    assert dict(plain.credentials) == {"access_token": TOKEN}


def test_tokens_are_found_where_they_are(tmp_path: Path) -> None:
    """The search that finds nothing must be one that finds."""
    file = tmp_path / "some"
    file.write_bytes(b"\0" * 9 + OLD.encrypt(b"secret") + b"tail_that_may_be_base64" * 9)
    assert (left_in(file, OLD), left_in(file, NEW)) == (1, 0)
    assert base64.urlsafe_b64decode(OLD.encrypt(b"x"))[0] == 0x80
