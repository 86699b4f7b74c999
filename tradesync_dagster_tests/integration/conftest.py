"""Fixtures of the integration tests."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, MultiFernet
from sqlalchemy import Engine

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.people import Role
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.api import RIVAL, Api, running_api
from tradesync_dagster_tests.support.desk import Desk, open_desk
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


@pytest.fixture
def account(store: SqlStore) -> Account:
    """Account 1."""
    return store.accounts()[0]


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    with open_desk(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def api(desk: Desk) -> Iterator[Api]:
    """The desk's API, with a key of its organization; there is a rival's account too."""
    desk.services.store.put_accounts([RIVAL])
    _, token = desk.services.keys().add("desk", "asha's terminal")
    with running_api(desk.services) as url:
        yield Api(url, token, "desk")


@pytest.fixture
def admin(api: Api, desk: Desk) -> Api:
    """The same with a key that may do everything."""
    _, token = desk.services.keys().add("desk", "asha's terminal", Role.ADMIN)
    return replace(api, token=token)
