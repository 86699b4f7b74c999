"""The place where commands run: a home of the test's own, and books in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.commands import SECRETS, done
from tradesync_dagster_tests.support.laid_books import lay

_ELSEWHERE = (
    "TRADESYNC_DATABASE_URL",
    "TRADESYNC_SECRET_KEYS",
    "TRADESYNC_LIVE_ORDERS_ENABLED",
    "REDIS_URL",
    "RABBITMQ_URL",
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that is not there yet, for commands typed in the test's folder."""
    for name in _ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRADESYNC_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def books(home: Path) -> Path:
    """The home, with empty books."""
    lay(f"sqlite:///{home}/books.sqlite3").dispose()
    return home


@pytest.fixture
def account(books: Path) -> str:
    """An account at an address where nobody answers."""
    nobody = ("--base-url", "http://127.0.0.1:9")
    done("accounts", "add", "acme/a", "--broker", "ZERODHA", *nobody, *SECRETS)
    return "acme/a"


@pytest.fixture
def store(home: Path) -> Iterator[SqlStore]:
    """The books, to be written into: of ``acme/main``, account 1."""
    settings = Settings(_env_file=None, home=home)
    engine = lay(settings.books_url)
    opened = SqlStore(engine, settings.cipher())
    opened.put_accounts([Account(0, "acme", "main", "ZERODHA", credentials={"api_key": "k"})])
    yield opened
    engine.dispose()
