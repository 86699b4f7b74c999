"""The commands over real SQLite books: what they print, what they refuse, what they never show."""

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tradesync_dagster.cli import app
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.engine import open_engine
from tradesync_dagster.store.store import SqlStore

KEY = "key-0f3a9c"
TOKEN = "token-77ab12"
SECRETS = ["--api-key", KEY, "--access-token", TOKEN]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("TRADESYNC_DATABASE_URL", "TRADESYNC_SECRET_KEYS", "REDIS_URL", "RABBITMQ_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRADESYNC_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def books(home: Path) -> Path:
    assert tradesync("db", "upgrade").exit_code == 0
    return home


def tradesync(*arguments: str, typed: str | None = None) -> Result:
    found = CliRunner().invoke(app, arguments, input=typed)
    assert KEY not in found.output
    assert TOKEN not in found.output
    return found


def stored_credentials(home: Path) -> dict[str, dict[str, str]]:
    settings = Settings(_env_file=None, home=home)
    engine = open_engine(settings.books_url)
    accounts = SqlStore(engine, settings.cipher()).accounts(enabled_only=False)
    engine.dispose()
    return {account.key: dict(account.credentials) for account in accounts}


def only_sentence(found: Result) -> str:
    assert found.exit_code == 1, found.output
    lines = found.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("tradesync: ")
    assert found.stdout == ""
    return lines[0]


def test_an_added_account_is_listed_without_its_secrets(books: Path) -> None:
    added = tradesync("accounts", "add", "acme/main", "--broker", "zerodha", *SECRETS)
    assert added.exit_code == 0, added.output
    listed = tradesync("accounts", "list", "--json")
    assert json.loads(listed.stdout) == [
        {
            "account": "acme/main",
            "organization_id": "acme",
            "pseudo_account": "main",
            "broker": "ZERODHA",
            "enabled": True,
            "live": False,
            "base_url": "",
        }
    ]
    assert "acme/main" in tradesync("accounts", "list").stdout
    assert stored_credentials(books) == {"acme/main": {"api_key": KEY, "access_token": TOKEN}}


def test_secrets_are_asked_for_without_being_shown(books: Path) -> None:
    added = tradesync(
        "accounts", "add", "acme/main", "--broker", "ZERODHA", typed=f"{KEY}\n{TOKEN}\n"
    )
    assert added.exit_code == 0, added.output
    assert stored_credentials(books)["acme/main"] == {"api_key": KEY, "access_token": TOKEN}


def test_credentials_come_from_standard_input(books: Path) -> None:
    typed = json.dumps({"api_key": KEY, "access_token": TOKEN})
    command = ("accounts", "add", "acme/main", "--broker", "ZERODHA", "--credentials-stdin")
    assert tradesync(*command, typed=typed).exit_code == 0
    assert stored_credentials(books)["acme/main"] == {"api_key": KEY, "access_token": TOKEN}


@pytest.mark.parametrize("typed", ["", "[]", "{}", f'"{KEY}"', "{broken " + TOKEN])
def test_credentials_that_are_no_object_are_refused(books: Path, typed: str) -> None:
    command = ("accounts", "add", "acme/main", "--broker", "ZERODHA", "--credentials-stdin")
    assert "no JSON object" in only_sentence(tradesync(*command, typed=typed))
    assert stored_credentials(books) == {}


def test_a_credential_that_is_not_text_is_named_but_not_shown(books: Path) -> None:
    command = ("accounts", "add", "acme/main", "--broker", "ZERODHA", "--credentials-stdin")
    typed = json.dumps({"api_key": KEY, "access_token": [TOKEN]})
    assert "access_token" in only_sentence(tradesync(*command, typed=typed))


def test_adding_again_brings_credentials_up_to_date_and_keeps_the_account_disabled(
    books: Path,
) -> None:
    tradesync("accounts", "add", "acme/main", "--broker", "ZERODHA", *SECRETS)
    assert tradesync("accounts", "disable", "acme/main").exit_code == 0
    new = ["--api-key", KEY, "--access-token", f"{TOKEN}x"]
    found = tradesync("accounts", "add", "acme/main", "--broker", "ZERODHA", *new)
    assert "up to date" in found.stdout
    assert stored_credentials(books)["acme/main"]["access_token"] == f"{TOKEN}x"
    assert json.loads(tradesync("accounts", "list", "--json").stdout)[0]["enabled"] is False
    assert tradesync("accounts", "enable", "acme/main").exit_code == 0
    assert json.loads(tradesync("accounts", "list", "--json").stdout)[0]["enabled"] is True


@pytest.mark.usefixtures("books")
def test_an_unknown_broker_is_refused_with_the_known_ones() -> None:
    found = only_sentence(tradesync("accounts", "add", "a/b", "--broker", "NOBODY", *SECRETS))
    assert "'NOBODY'" in found
    assert "ZERODHA" in found


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize("key", ["main", "/main", "acme/", "a/b/c", "a/b|c", "a b/c", "a/b\nc"])
def test_a_key_that_names_no_account_is_refused(key: str) -> None:
    found = only_sentence(tradesync("accounts", "add", key, "--broker", "ZERODHA", *SECRETS))
    assert "ORG/ACCOUNT" in found


@pytest.mark.usefixtures("books")
def test_a_base_url_that_is_no_address_is_refused() -> None:
    command = ("accounts", "add", "a/b", "--broker", "ZERODHA", "--base-url", "ftp://x", *SECRETS)
    assert "--base-url" in only_sentence(tradesync(*command))


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize(
    "command",
    [
        ("accounts", "disable", "acme/none"),
        ("accounts", "enable", "acme/none"),
        ("orders", "acme/none"),
        ("external", "acme/none"),
        ("positions", "acme/none"),
        ("holdings", "acme/none"),
        ("sync", "--account", "acme/none"),
    ],
)
def test_an_account_that_does_not_exist_is_said_so(command: tuple[str, ...]) -> None:
    assert "acme/none" in only_sentence(tradesync(*command))


@pytest.mark.parametrize(
    "command",
    [("accounts", "list"), ("orders",), ("sync",), ("external", "--json"), ("holdings",)],
)
def test_books_that_are_not_migrated_say_what_to_run(command: tuple[str, ...]) -> None:
    assert "tradesync db upgrade" in only_sentence(tradesync(*command))


def test_a_malformed_setting_is_named_and_its_value_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRADESYNC_CONFIRM_SECONDS", TOKEN)
    found = only_sentence(tradesync("accounts", "list"))
    assert "TRADESYNC_CONFIRM_SECONDS" in found


def test_a_database_url_of_another_kind_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRADESYNC_DATABASE_URL", f"mysql://user:{TOKEN}@db/books")
    assert "TRADESYNC_DATABASE_URL" in only_sentence(tradesync("db", "upgrade"))


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize("command", ["orders", "external", "positions", "holdings"])
def test_empty_books_are_an_empty_list(command: str) -> None:
    found = tradesync(command, "--json")
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout) == []
    assert "none" in tradesync(command).stdout


@pytest.mark.usefixtures("books")
def test_wrong_usage_exits_with_two() -> None:
    assert tradesync("orders", "--days", "0").exit_code == 2
    assert tradesync("no-such-command").exit_code == 2
    assert tradesync("accounts", "add", "a/b").exit_code == 2


@pytest.mark.usefixtures("books")
def test_a_sync_without_accounts_has_stable_keys() -> None:
    found = tradesync("sync", "--json")
    assert found.exit_code == 0, found.output
    assert set(json.loads(found.stdout)) == {
        "tick_id", "started_at", "accounts", "orders", "external_orders", "new_external_orders",
        "positions", "errors", "seconds", "status", "candidates", "publish_errors", "results",
        "overrun_seconds", "parts", "statuses",
    }  # fmt: skip


@pytest.mark.usefixtures("books")
def test_a_broker_that_cannot_be_reached_is_a_failed_sync_in_words() -> None:
    here = ["--base-url", "http://127.0.0.1:9"]
    tradesync("accounts", "add", "acme/main", "--broker", "ZERODHA", *here, *SECRETS)
    found = tradesync("sync", "--json")
    assert found.exit_code == 1
    assert "tradesync: acme/main: " in found.stderr
    result = json.loads(found.stdout)["results"][0]
    assert (result["account"], result["status"]) == ("acme/main", "failed")
    assert result["errors"]


def test_the_doctor_says_what_is_wrong() -> None:
    found = tradesync("doctor", "--json")
    assert found.exit_code == 1
    wrong = [row for row in json.loads(found.stdout) if row["state"] == "wrong"]
    assert any("tradesync db upgrade" in row["detail"] for row in wrong)


@pytest.mark.usefixtures("books")
def test_the_doctor_finds_embedded_books_well() -> None:
    found = tradesync("doctor", "--json")
    assert found.exit_code == 0, found.output
    assert {frozenset(row) for row in json.loads(found.stdout)} == {
        frozenset({"name", "state", "detail"})
    }
    assert {row["state"] for row in json.loads(found.stdout)} <= {"ok", "off"}


@pytest.mark.usefixtures("books")
def test_the_doctor_says_how_an_account_comes_to_be_enabled() -> None:
    def accounts() -> dict[str, str]:
        rows = json.loads(tradesync("doctor", "--json").stdout)
        return next(row for row in rows if row["name"] == "accounts")

    none = accounts()
    assert none["state"] == "off"
    assert "tradesync accounts add" in none["detail"]
    assert "session" not in none["detail"]
    here = ["--base-url", "http://127.0.0.1:9"]
    tradesync("accounts", "add", "acme/main", "--broker", "ZERODHA", *here, *SECRETS)
    assert accounts()["state"] == "wrong"
    tradesync("accounts", "disable", "acme/main")
    assert "tradesync accounts enable" in accounts()["detail"]


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8650", "http://", "http://[::1", "http://host:99999", "http://host:x",
        f"http://desk:{TOKEN}@host", "http://host/?a=1",
    ],
)  # fmt: skip
def test_addresses_that_a_broker_cannot_be_asked_at_are_refused(books: Path, url: str) -> None:
    command = ("accounts", "add", "a/b", "--broker", "ZERODHA", "--base-url", url)
    assert "--base-url" in only_sentence(tradesync(*command, *SECRETS))
    assert stored_credentials(books) == {}


def test_an_account_that_its_broker_could_not_use_is_not_added(books: Path) -> None:
    command = ("accounts", "add", "a/b", "--broker", "ZERODHA", "--credentials-stdin")
    found = tradesync(*command, typed=json.dumps({"api_key": KEY}))
    assert "access_token is missing" in only_sentence(found)
    found = tradesync(*command, typed=json.dumps({"api_key": KEY, "access_token": f"{TOKEN} x"}))
    assert "access_token has characters" in only_sentence(found)
    assert stored_credentials(books) == {}


@pytest.mark.usefixtures("books")
def test_a_new_token_leaves_the_account_at_its_address() -> None:
    add = ("accounts", "add", "acme/main", "--broker", "ZERODHA", *SECRETS)

    def address() -> str:
        return str(json.loads(tradesync("accounts", "list", "--json").stdout)[0]["base_url"])

    assert tradesync(*add, "--base-url", "http://127.0.0.1:8650").exit_code == 0
    assert tradesync(*add).exit_code == 0
    assert address() == "http://127.0.0.1:8650"
    assert tradesync(*add, "--base-url", "").exit_code == 0
    assert address() == ""


@pytest.mark.parametrize("name", ["folder", "text", "text/below"])
def test_a_journal_that_cannot_be_used_is_a_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("This is no database. " * 100)
    found = tradesync("exchange", "serve", "--port", "1", "--journal", str(tmp_path / name))
    assert found.exit_code == 1
    assert found.stderr.startswith("tradesync: the ")
    assert name in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_a_dagster_home_that_cannot_be_used_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text").write_text("no folder")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "text" / "below"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found = tradesync("run", "--port", str(port))
    assert found.exit_code == 1
    assert found.stderr.startswith("tradesync: Dagster cannot use ")
    assert "DAGSTER_HOME" in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_books_are_copied_laid_again_and_taken_back(
    books: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tradesync("accounts", "add", "acme/main", "--broker", "zerodha", *SECRETS).exit_code == 0
    file = str(tmp_path / "copy")
    assert "Keep the keys" in tradesync("db", "backup", file).stdout
    assert "is there already" in only_sentence(tradesync("db", "backup", file))
    assert "is not empty" in only_sentence(tradesync("db", "restore", file))
    monkeypatch.setenv("TRADESYNC_HOME", str(tmp_path / "second"))
    assert "as they were" in tradesync("db", "restore", file).stdout
    assert "closed with another key" in only_sentence(tradesync("accounts", "list")), (
        "keys lie elsewhere"
    )
    (books / "secret.key").replace(tmp_path / "second" / "secret.key")
    assert "acme/main" in tradesync("accounts", "list").stdout
    assert tradesync("db", "downgrade", "0013", typed="n\n").exit_code == 1
    assert "schema 0013" in tradesync("db", "downgrade", "0013", typed="y\n").stdout
    assert "tradesync db upgrade" in only_sentence(tradesync("accounts", "list"))
    assert "cannot go back" in only_sentence(tradesync("db", "downgrade", "none", "--yes"))
