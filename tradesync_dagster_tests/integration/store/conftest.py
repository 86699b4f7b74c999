"""Books of two accounts, on SQLite and on PostgreSQL."""

from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet, MultiFernet
from sqlalchemy import Engine

from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.laid_books import lay
from tradesync_dagster_tests.support.store_rows import accounts


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = lay(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> SqlStore:
    """Books with the accounts 1 and 2."""
    store = SqlStore(engine, MultiFernet([Fernet(Fernet.generate_key())]))
    store.put_accounts(accounts())
    assert [account.account_id for account in store.accounts()] == [1, 2]
    return store
