"""``tradesync breaks list`` over real SQLite books."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tradesync_dagster.cli import app
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.laid_books import lay

EVIDENCE = {"missing": ["B1", "B2"], "missing_count": 2}


@pytest.fixture(autouse=True)
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Books of one account with one break."""
    for name in ("TRADESYNC_DATABASE_URL", "TRADESYNC_SECRET_KEYS", "REDIS_URL", "RABBITMQ_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRADESYNC_HOME", str(tmp_path / "home"))
    settings = Settings(_env_file=None, home=tmp_path / "home")
    engine = lay(settings.books_url)
    store = SqlStore(engine, settings.cipher())
    store.put_accounts([Account(0, "acme", "main", "ZERODHA", credentials={"api_key": "k"})])
    at = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
    with store.begin([1]) as work:
        work.put_breaks([Break(1, "book_shrank", "2026-03-02", at, EVIDENCE)])
    engine.dispose()


def test_the_table_says_the_evidence_in_words_and_the_json_as_it_is() -> None:
    drawn = CliRunner().invoke(app, ["breaks", "list", "acme/main"])
    assert "missing: B1, B2; missing count: 2" in drawn.stdout
    [row] = json.loads(CliRunner().invoke(app, ["breaks", "list", "--json"]).stdout)
    assert row["evidence"] == EVIDENCE
