"""``tradesync backfill`` against a webserver that answers as Dagster does."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tradesync_dagster.cli import backfill
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster_tests.support.answering_dagster import JOBS, Dagster, answering_dagster
from tradesync_dagster_tests.support.commands import SECRETS, done, only_sentence, tradesync

FAILURE = {
    "__typename": "ExecutionStepFailureEvent",
    "error": {"message": "Failure", "causes": []},
    "failureMetadata": {"description": "no trading day"},
}


@pytest.fixture
def dagster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dagster]:
    monkeypatch.setattr(backfill, "_LOOK_SECONDS", 0.0)
    with answering_dagster() as made:
        yield made


@pytest.fixture(autouse=True)
def accounts(books: Path) -> None:
    for key in ("acme/a", "acme/b", "acme/c"):
        done("accounts", "add", key, "--broker", "ZERODHA", *SECRETS)


def run(dagster: Dagster, *arguments: str) -> Result:
    return tradesync("backfill", "--dagster-url", dagster.url, *arguments)


def test_any_set_of_accounts_is_one_run(dagster: Dagster) -> None:
    accounts = ["--account", "acme/c", "--account", "acme/a"]
    found = run(dagster, *accounts, "--from", "2026-01-05", "--to", "2026-02-04")
    assert found.exit_code == 0, found.output
    assert dagster.launches == [
        {
            "selector": {
                "repositoryName": "__repository__",
                "repositoryLocationName": "ours",
                "jobName": "rebuild_history",
            },
            "runConfigData": {
                "ops": {
                    "rebuild_days": {
                        "config": {
                            "accounts": ["acme/c", "acme/a"],
                            "since": "2026-01-05",
                            "until": "2026-02-04",
                        }
                    }
                }
            },
        }
    ]
    assert found.stdout.splitlines() == [f"run run-1: {dagster.url}/runs/run-1", "SUCCESS"]


def test_all_enabled_accounts_until_today_when_nothing_else_is_said(dagster: Dagster) -> None:
    before = trade_date_of(datetime.now(UTC))  # noqa: TID251
    found = run(dagster, "--from", "2026-01-05", "--json")
    assert json.loads(found.stdout) == {
        "run_id": "run-1", "url": f"{dagster.url}/runs/run-1", "status": "SUCCESS",
    }  # fmt: skip
    config = dagster.launches[0]["runConfigData"]["ops"]["rebuild_days"]["config"]
    today = {str(before), str(trade_date_of(datetime.now(UTC)))}  # noqa: TID251
    assert config.pop("until") in today, "midnight may come in between"
    assert config == {"accounts": [], "since": "2026-01-05"}


def test_without_waiting_a_run_is_only_launched(dagster: Dagster) -> None:
    found = run(dagster, "--from", "2026-01-05", "--no-wait", "--json")
    assert json.loads(found.stdout)["status"] == "QUEUED"


def test_a_run_that_fails_says_why(dagster: Dagster) -> None:
    dagster.statuses = ["FAILURE"]
    dagster.events = [{"__typename": "RunStartEvent"}, FAILURE]
    found = run(dagster, "--from", "2026-01-05")
    assert only_sentence(found) == "tradesync: no trading day"
    dagster.events = [{"__typename": "RunFailureEvent", "message": "the run was ended"}]
    assert "the run was ended" in only_sentence(run(dagster, "--from", "2026-01-05"))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"__typename": "UnauthorizedError", "message": "read only"}, "read only"),
        (
            {"__typename": "RunConfigValidationInvalid", "errors": [{"message": "bad day"}]},
            "bad day",
        ),
        ({"__typename": "PresetNotFoundError"}, "PresetNotFoundError"),
    ],
)
def test_a_run_that_is_not_launched_says_why(
    dagster: Dagster, answer: dict[str, Any], sentence: str
) -> None:
    dagster.launched = answer
    assert sentence in only_sentence(run(dagster, "--from", "2026-01-05"))


def test_a_dagster_of_others_is_told_from_ours(dagster: Dagster) -> None:
    dagster.jobs = JOBS[:1]
    assert "no job rebuild_history" in only_sentence(run(dagster, "--from", "2026-01-05"))


@pytest.mark.parametrize("raw", [b"<html>Bad gateway</html>", b"[]", b""])
def test_something_else_that_answers_is_a_sentence(dagster: Dagster, raw: bytes) -> None:
    dagster.raw = raw
    assert dagster.url in only_sentence(run(dagster, "--from", "2026-01-05"))


def test_without_dagster_it_says_what_to_do() -> None:
    found = tradesync("backfill", "--from", "2026-01-05", "--dagster-url", "http://127.0.0.1:9")
    sentence = only_sentence(found)
    assert "tradesync run" in sentence
    assert "--here" in sentence


@pytest.mark.parametrize(
    "url",
    ["ftp://x", "127.0.0.1:3000", "http://", "http://u:secret@h", "http://h:99999", "http://h/?a"],
)
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    sentence = only_sentence(tradesync("backfill", "--from", "2026-01-05", "--dagster-url", url))
    assert "--dagster-url" in sentence
    assert "secret" not in sentence


def test_here_the_books_are_made_anew_and_nothing_is_launched(dagster: Dagster) -> None:
    found = run(dagster, "--from", "2026-01-05", "--here", "--account", "acme/b")
    assert found.exit_code == 0, found.output
    assert "1 accounts made anew from 2026-01-05" in found.stdout
    assert "Dagster was not told" in found.stdout
    found = run(dagster, "--from", "2026-01-05", "--here", "--json")
    assert json.loads(found.stdout)["run_id"] is None
    assert dagster.asked == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--from", "2026-02-05", "--to", "2026-01-05"], "is after"),
        (["--from", "2999-01-01"], "is after"),
        (["--from", "2026-01-05", "--to", "2999-01-01"], "still to come"),
        (["--from", "2026-01-05", "--account", "acme/none"], "acme/none"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_launched(
    dagster: Dagster, arguments: list[str], sentence: str
) -> None:
    assert sentence in only_sentence(run(dagster, *arguments))
    assert dagster.asked == []


def test_a_first_day_is_needed(dagster: Dagster) -> None:
    assert run(dagster).exit_code == 2
