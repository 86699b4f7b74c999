"""``tradesync db``: books that are laid, copied and taken back, and what is said of others."""

from pathlib import Path

import pytest

from tradesync_dagster_tests.support.commands import SECRETS, TOKEN, done, refused, tradesync

pytestmark = pytest.mark.usefixtures("home")


@pytest.mark.parametrize(
    "command",
    [("accounts", "list"), ("orders",), ("sync",), ("external", "--json"), ("holdings",)],
)
def test_books_that_are_not_migrated_say_what_to_run(command: tuple[str, ...]) -> None:
    assert "tradesync db upgrade" in refused(*command)


def test_a_database_url_of_another_kind_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRADESYNC_DATABASE_URL", f"mysql://user:{TOKEN}@db/books")
    assert "TRADESYNC_DATABASE_URL" in refused("db", "upgrade")


def test_books_are_copied_laid_again_and_taken_back(
    books: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done("accounts", "add", "acme/main", "--broker", "zerodha", *SECRETS)
    file = str(tmp_path / "copy")
    assert "Keep the keys" in done("db", "backup", file)
    assert "is there already" in refused("db", "backup", file)
    assert "is not empty" in refused("db", "restore", file)
    monkeypatch.setenv("TRADESYNC_HOME", str(tmp_path / "second"))
    assert "as they were" in done("db", "restore", file)
    assert "closed with another key" in refused("accounts", "list"), "keys lie elsewhere"
    (books / "secret.key").replace(tmp_path / "second" / "secret.key")
    assert "acme/main" in done("accounts", "list")
    assert tradesync("db", "downgrade", "0013", typed="n\n").exit_code == 1
    assert "schema 0013" in done("db", "downgrade", "0013", typed="y\n")
    assert "tradesync db upgrade" in refused("accounts", "list")
    assert "cannot go back" in refused("db", "downgrade", "none", "--yes")
