"""What holds of commands in general: exit codes, one sentence, stable keys, no secret shown."""

import json
import socket
from pathlib import Path

import pytest

from tradesync_dagster_tests.support.commands import (
    SECRETS,
    TOKEN,
    done,
    only_sentence,
    refused,
    told,
    tradesync,
)

pytestmark = pytest.mark.usefixtures("home")


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
    assert "acme/none" in refused(*command)


def test_a_malformed_setting_is_named_and_its_value_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRADESYNC_CONFIRM_SECONDS", TOKEN)
    found = refused("accounts", "list")
    assert "TRADESYNC_CONFIRM_SECONDS" in found


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize("command", ["orders", "external", "positions", "holdings"])
def test_empty_books_are_an_empty_list(command: str) -> None:
    assert told(command) == []
    assert "none" in done(command)


@pytest.mark.usefixtures("books")
def test_wrong_usage_exits_with_two() -> None:
    assert tradesync("orders", "--days", "0").exit_code == 2
    assert tradesync("no-such-command").exit_code == 2
    assert tradesync("accounts", "add", "a/b").exit_code == 2


@pytest.mark.usefixtures("books")
def test_a_sync_without_accounts_has_stable_keys() -> None:
    assert set(told("sync")) == {
        "tick_id", "started_at", "accounts", "orders", "external_orders", "new_external_orders",
        "positions", "errors", "seconds", "status", "candidates", "publish_errors", "results",
        "overrun_seconds", "parts", "statuses",
    }  # fmt: skip


@pytest.mark.usefixtures("books")
def test_a_broker_that_cannot_be_reached_is_a_failed_sync_in_words() -> None:
    here = ["--base-url", "http://127.0.0.1:9"]
    done("accounts", "add", "acme/main", "--broker", "ZERODHA", *here, *SECRETS)
    found = tradesync("sync", "--json")
    assert found.exit_code == 1
    assert "tradesync: acme/main: " in found.stderr
    result = json.loads(found.stdout)["results"][0]
    assert (result["account"], result["status"]) == ("acme/main", "failed")
    assert result["errors"]


@pytest.mark.parametrize("name", ["folder", "text", "text/below"])
def test_a_journal_that_cannot_be_used_is_a_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("This is no database. " * 100)
    said = only_sentence(
        tradesync("exchange", "serve", "--port", "1", "--journal", str(tmp_path / name))
    )
    assert said.startswith("tradesync: the ")
    assert name in said


def test_a_dagster_home_that_cannot_be_used_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text").write_text("no folder")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "text" / "below"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    said = only_sentence(tradesync("run", "--port", str(port)))
    assert said.startswith("tradesync: Dagster cannot use ")
    assert "DAGSTER_HOME" in said
