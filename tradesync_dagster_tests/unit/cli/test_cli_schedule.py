"""``tradesync schedule``, ``mandates`` and ``accounts trade``."""

import json

import pytest

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.brokers.exchange.server import ExchangeConfig, running_exchange
from tradesync_dagster_tests.support.commands import tradesync

WHO = "--who=asha"


pytestmark = pytest.mark.usefixtures("account")


def listed(*arguments: str) -> dict[str, dict[str, object]]:
    found = tradesync("schedule", "list", *arguments, "--json")
    assert found.exit_code == 0, found.output
    return {f"{row['scope']} {row['task']}".strip(): row for row in json.loads(found.stdout)}


def test_a_fresh_desk_has_the_seven_tasks() -> None:
    assert {name: (row["start"], row["end"], row["repeats"]) for name, row in listed().items()} == {
        "premarket_retry": ("09:00", None, "once"),
        "premarket_amo_adjustment": ("09:05", None, "once"),
        "sell_monitor": ("09:15", "15:30", "continuous"),
        "position_monitor": ("09:30", "15:30", "hourly"),
        "analysis": ("16:00", None, "once"),
        "buy_orders": ("16:05", None, "once"),
        "eod_cleanup": ("18:00", None, "once"),
    }
    assert "premarket_amo_adjustment" in tradesync("schedule", "list").stdout


def test_schedules_are_changed_for_all_and_for_one_account() -> None:
    assert tradesync("schedule", "disable", "analysis", WHO).exit_code == 0
    more = ["--at=16:30", "--grace=60", WHO]
    assert tradesync("schedule", "set", "buy_orders", "acme/a", *more).exit_code == 0
    held = listed("acme/a")
    assert held["analysis"]["enabled"] is False
    mine = held["acme/a buy_orders"]
    assert (mine["start"], mine["grace_minutes"], mine["who"]) == ("16:30", 60, "asha")
    assert listed()["buy_orders"]["start"] == "16:05"
    assert "no longer" in tradesync("schedule", "reset", "buy_orders", "acme/a").stdout
    assert listed("acme/a")["buy_orders"]["start"] == "16:05"
    assert tradesync("schedule", "enable", "analysis", WHO).exit_code == 0
    assert listed()["analysis"]["enabled"] is True


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["set", "sell_monitor", "--end=09:00", WHO], "not after the start"),
        (["set", "position_monitor", "--grace=90", WHO], "0 to 59 whole minutes"),
        (["set", "analysis", "--end=20:00", WHO], "has no end"),
        (["set", "analysis", "acne", "--at=10:00", WHO], "accounts list"),
        (["set", "analysis", "--at=10:00", "--who="], "--who"),
    ],
)
def test_what_is_wrong_is_one_sentence(arguments: list[str], word: str) -> None:
    found = tradesync("schedule", *arguments)
    assert found.exit_code == 1
    [line] = found.stderr.strip().splitlines()
    assert line.startswith("tradesync: ")
    assert word in line


def test_malformed_times_and_tasks_are_refused() -> None:
    assert tradesync("schedule", "set", "analysis", "--at=25:99", WHO).exit_code == 2
    assert tradesync("schedule", "set", "lunch", "--at=12:00", WHO).exit_code == 2
    for grace in ("-1", "721", "9" * 30):
        assert tradesync("schedule", "set", "analysis", f"--grace={grace}", WHO).exit_code == 2


def test_turns_and_heartbeats_are_shown() -> None:
    assert "Heartbeats: none" in tradesync("schedule", "heartbeats").stdout
    assert "Done: none" in tradesync("schedule", "run").stdout
    [beat] = json.loads(tradesync("schedule", "heartbeats", "--json").stdout)
    assert (beat["account"], beat["service"], beat["stale"]) == ("acme/a", "tasks", False)
    assert json.loads(tradesync("schedule", "turns", "acme/a", "--json").stdout) == []
    assert tradesync("accounts", "disable", "acme/a").exit_code == 0
    assert "Heartbeats: none" in tradesync("schedule", "heartbeats").stdout, "none is expected"


def test_mandates_are_given_and_changed() -> None:
    given = ["--plugin=dip", "--capital=250000", "--target=2.5", "--stop=4", "--option=days=10"]
    made = tradesync("mandates", "set", "acme/a", "dips", *given, WHO, "--json")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout) == {
        "account": "acme/a", "strategy_id": "dips", "plugin": "dip", "enabled": True,
        "capital": "250000.00", "positions": 5, "target_percent": "2.5", "stop_percent": "4",
        "options": {"days": "10"},
    }  # fmt: skip
    assert tradesync("mandates", "set", "acme/a", "dips", "--off", WHO).exit_code == 0
    [row] = json.loads(tradesync("mandates", "list", "--json").stdout)
    assert (row["enabled"], row["capital"]) == (False, "250000.00")
    assert "dip" in tradesync("mandates", "strategies").stdout
    assert "dips" in tradesync("strategies", "list").stdout, "it owns orders from now on"
    for wrong, word in (
        (["--plugin=nope", "--capital=1"], "no strategy 'nope' is installed; there are: dip"),
        (["--plugin=dip"], "above 0"),
        (["--plugin=dip", "--capital=1", "--target=0.001"], "two decimals"),
        (["--plugin=dip", "--capital=1", "--option=days"], "NAME=TEXT"),
    ):
        assert word in tradesync("mandates", "set", "acme/a", "new", *wrong, WHO).stderr


def test_an_account_goes_over_to_its_paper_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_exchange(ExchangeConfig(accounts=0)) as url:
        monkeypatch.setenv("TRADESYNC_PAPER_URL", url)
        for asked in ([], ["--through=live", WHO]):
            told = tradesync("accounts", "trade", "acme/a", *asked)
            assert told.stdout.strip() == "acme/a trades through its broker."
        assert len(open_services().chosen(None)) == 1, "nothing is opened for that"
        assert "--who" in tradesync("accounts", "trade", "acme/a", "--through=paper").stderr
        done = tradesync("accounts", "trade", "acme/a", "--through=paper", WHO)
        assert done.exit_code == 0, done.output
        assert "acme/a trades through acme/a-paper." in done.stdout
        twin = open_services().chosen("acme/a-paper")[0]
        assert twin.broker == "PAPER"
        again = tradesync("accounts", "trade", "acme/a-paper", "--through=paper", WHO)
        assert "is a paper account" in again.stderr
        back = tradesync("accounts", "trade", "acme/a", "--through=live", WHO)
        assert "acme/a trades through its broker." in back.stdout
