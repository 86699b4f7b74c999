"""Commands as a person types them, run within this process, and what they said."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from tradesync_dagster.cli import app
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.engine import open_engine
from tradesync_dagster.store.store import SqlStore

API_KEY = "key-0f3a9c"
TOKEN = "token-77ab12"
SECRETS = ("--api-key", API_KEY, "--access-token", TOKEN)
"""What accounts are added with; no command shows it."""


def tradesync(*arguments: str, typed: str | None = None) -> Result:
    """Run a command; ``typed`` is its standard input."""
    found = CliRunner().invoke(app, arguments, input=typed)
    assert API_KEY not in found.output
    assert TOKEN not in found.output
    return found


def done(*arguments: str, typed: str | None = None) -> str:
    """Run a command that does what it is told; return what it printed."""
    found = tradesync(*arguments, typed=typed)
    assert found.exit_code == 0, found.output
    return found.stdout


def told(*arguments: str) -> Any:
    """Run a command that tells programs what it found."""
    return json.loads(done(*arguments, "--json"))


def refused(*arguments: str, typed: str | None = None) -> str:
    """Run a command that does nothing but say why, in one sentence; return it."""
    found = tradesync(*arguments, typed=typed)
    assert found.stdout == ""
    return only_sentence(found)


def only_sentence(found: Result) -> str:
    """Check that a command failed and said so in one line; return the line."""
    assert found.exit_code == 1, found.output
    (line,) = found.stderr.strip().splitlines()
    assert line.startswith("tradesync: ")
    return line


def stored_credentials(home: Path) -> dict[str, dict[str, str]]:
    """Read what the books of a home hold of each account, opened."""
    settings = Settings(_env_file=None, home=home)
    engine = open_engine(settings.books_url)
    accounts = SqlStore(engine, settings.cipher()).accounts(enabled_only=False)
    engine.dispose()
    return {account.key: dict(account.credentials) for account in accounts}
