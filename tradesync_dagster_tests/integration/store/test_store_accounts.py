"""Accounts and their credentials, which nobody reads in the database."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, MultiFernet
from sqlalchemy import select

from tradesync_dagster.domain.errors import AccountNotFoundError, ConfigurationError
from tradesync_dagster.store.accounts import Accounts
from tradesync_dagster.store.schema import metadata
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.store_frames import dump
from tradesync_dagster_tests.support.store_rows import (
    T0,
    TOKEN,
    accounts,
)


def test_credentials_are_closed_in_the_database(store: SqlStore, database_url: str) -> None:
    with store.reading() as connection:
        [first, _] = connection.scalars(select(metadata.tables["accounts"].c.credentials))
    assert TOKEN.encode() not in bytes(first)
    if database_url.startswith("sqlite"):
        file = Path(database_url.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(file)) as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for part in file.parent.glob("books.sqlite3*"):
            assert TOKEN.encode() not in part.read_bytes()
    assert [dict(found.credentials) for found in store.accounts()] == [{"access_token": TOKEN}] * 2


def test_another_key_is_told_in_a_sentence(store: SqlStore) -> None:
    other = SqlStore(store.engine, MultiFernet([Fernet(Fernet.generate_key())]))
    with pytest.raises(ConfigurationError, match="ORG/A1 were closed with another key") as raised:
        other.accounts()
    assert "TRADESYNC_SECRET_KEYS" in str(raised.value)
    assert TOKEN not in str(raised.value)


def test_an_account_put_again_is_brought_up_to_date(store: SqlStore) -> None:
    renewed = replace(accounts()[0], base_url="", credentials={"access_token": "new"})
    store.put_accounts([renewed])
    [first, second] = store.accounts()
    assert (first.account_id, first.base_url, dict(first.credentials)) == (
        1,
        "",
        {"access_token": "new"},
    )
    assert dict(second.credentials) == {"access_token": TOKEN}


def test_of_two_who_add_an_account_at_once_neither_is_lost(store: SqlStore) -> None:
    first = replace(accounts()[0], pseudo_account="A3", base_url="http://127.0.0.1:2")
    with ThreadPoolExecutor() as pool:
        with store.writing() as connection:
            Accounts(connection).put(first, store._cipher)
            later = pool.submit(store.put_accounts, [replace(first, base_url="")])
            with pytest.raises(TimeoutError):
                later.result(0.3)
        later.result(60)
    [*_, third] = store.accounts()
    assert (third.key, third.base_url) == ("ORG/A3", "")


def test_one_account_is_read_without_opening_the_others(store: SqlStore) -> None:
    found = store.account("ORG/A2")
    assert found is not None
    assert (found.key, dict(found.credentials)) == ("ORG/A2", {"access_token": TOKEN})
    with store.writing() as connection:
        table = metadata.tables["accounts"]
        closed = table.update().where(table.c.pseudo_account == "A1").values(credentials=b"x")
        connection.execute(closed)
    assert store.account("ORG/A2") == found
    assert store.account("ORG/A3") is None
    store.disable("ORG/A2")
    assert store.account("ORG/A2") is None


def test_a_disabled_account_is_left_out(store: SqlStore) -> None:
    store.disable("ORG/A1")
    assert [account.key for account in store.accounts()] == ["ORG/A2"]
    everyone = store.accounts(enabled_only=False)
    assert [(account.key, account.enabled) for account in everyone] == [
        ("ORG/A1", False),
        ("ORG/A2", True),
    ]
    store.enable("ORG/A1", T0)
    assert len(store.accounts()) == 2


@pytest.mark.parametrize("key", ["ORG/A3", "OTHER/A1", "A1", "", "ORG/A1/"])
def test_an_unknown_account_cannot_be_switched(store: SqlStore, key: str) -> None:
    before = dump(store)
    with pytest.raises(AccountNotFoundError, match="tradesync accounts list"):
        store.disable(key)
    assert dump(store) == before
