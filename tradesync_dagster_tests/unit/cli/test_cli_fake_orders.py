"""``tradesync fake-orders`` and ``tradesync moderation``."""

import json
from collections.abc import Iterator

import pytest
from typer.testing import Result

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster_tests.support.answering_dagster import Dagster, answering_dagster
from tradesync_dagster_tests.support.commands import tradesync

pytestmark = pytest.mark.usefixtures("account")


@pytest.fixture
def dagster() -> Iterator[Dagster]:
    with answering_dagster() as found:
        yield found


def past_hour() -> str:
    return open_services().clock.now().replace(microsecond=0).isoformat()


def add(*more: str, organization: str = "acme", hour: str | None = None) -> Result:
    wish = ["--market=PJM", "--node=WESTERN HUB", "--side=BUY", "--mwh=25.5", "--price=-3.25"]
    at = f"--hour={hour or past_hour()}"
    return tradesync("fake-orders", "add", organization, *wish, at, *more)


def test_an_order_is_added_listed_moderated_and_shown() -> None:
    said = add("--key=0")  # which names the order, on whose name its fate depends
    assert said.exit_code == 0, said.output
    assert ": PENDING, due at " in said.stdout
    [row] = json.loads(tradesync("fake-orders", "list", "acme", "--json").stdout)
    assert (row["status"], row["quantity_mwh"], row["limit_price"]) == ("PENDING", "25.50", "-3.25")
    for number in range(1, 10):
        add(f"--key={number}")
    assert open_services().moderation().decide_due().total == 10
    assert json.loads(tradesync("fake-orders", "list", "--status=PENDING", "--json").stdout) == []
    positions = json.loads(tradesync("fake-orders", "positions", "--json").stdout)
    assert positions
    order_id = positions[0]["order_id"]
    shown = json.loads(tradesync("fake-orders", "show", order_id, "--json").stdout)
    assert shown["pnl"] == positions[0]["pnl"]
    people = tradesync("fake-orders", "show", order_id).stdout
    for word in ("Fake order", "Marks", "Events", "approved"):
        assert word in people
    assert "WESTERN HUB" in tradesync("fake-orders", "positions").stdout


def test_the_same_key_again_changes_nothing() -> None:
    hour = past_hour()
    first, again = (json.loads(add("--key=k", "--json", hour=hour).stdout) for _ in range(2))
    assert first == again
    assert len(json.loads(tradesync("fake-orders", "list", "--json").stdout)) == 1


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (["--side=HOLD"], "BUY or SELL"),
        (["--mwh=much"], "quantity_mwh"),
        (["--mwh=0"], "quantity_mwh"),
        (["--price=999999"], "limit_price"),
        (["--hour=2026-03-02T15:00:00"], "zone"),
        (["--hour=1999-03-02T15:00:00Z"], "7 days"),
        (["--node="], "node"),
    ],
)
def test_what_is_wrong_is_one_sentence(more: list[str], word: str) -> None:
    found = add(*more)
    assert found.exit_code == 1
    [line] = found.stderr.strip().splitlines()
    assert line.startswith("tradesync: ")
    assert word in line


def test_what_is_not_there_is_one_sentence() -> None:
    assert "accounts list" in add(organization="acne").stderr
    missing = "00000000-0000-0000-0000-000000000001"
    assert missing in tradesync("fake-orders", "show", missing).stderr
    absent = tradesync("moderation", "status", "--dagster-url", "http://127.0.0.1:9")
    assert (absent.exit_code, "tradesync run" in absent.stderr) == (1, True)


def test_moderation_is_switched_in_dagster(dagster: Dagster) -> None:
    where = ["--dagster-url", dagster.url]
    add()
    for verb, running in (("status", True), ("stop", False), ("start", True)):
        found = tradesync("moderation", verb, *where, "--json")
        assert found.exit_code == 0, found.output
        state = json.loads(found.stdout)
        assert (state["running"], state["pending_due_now"]) == (running, 1)
    assert "last check" in tradesync("moderation", "status", *where).stdout
    assert "run run-1: " in tradesync("moderation", "force-run", *where).stdout
    forced = json.loads(tradesync("moderation", "force-run", "acme", *where, "--json").stdout)
    assert forced["pending_due_now"] == 1
    configs = [one["runConfigData"]["ops"]["fake_orders"]["config"] for one in dagster.launches]
    assert configs == [{"organization_id": ""}, {"organization_id": "acme"}]


def test_a_dagster_without_the_sensor_is_one_sentence(dagster: Dagster) -> None:
    dagster.jobs = dagster.jobs[:1]
    found = tradesync("moderation", "stop", "--dagster-url", dagster.url)
    assert "has no sensor due_moderation" in found.stderr
