"""Links from Dagster to the desk's pages: each account's own, and none without an address."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import pytest

from tradesync_dagster.defs import day_figures, desk_pages, moderation, summaries, tasks
from tradesync_dagster.domain.results import ASSETS
from tradesync_dagster.domain.tasks import Task, Turn, TurnState
from tradesync_dagster.sync.moderating import Moderated

Call = Callable[..., dg.ExecuteInProcessResult]
BASE = "https://desk.example.com"


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_pages, "BASE", BASE)


@pytest.mark.usefixtures("address")
def test_each_accounts_events_lead_to_its_page(services: Any, tick: Call) -> None:
    result = tick(services)
    made = [event.materialization for event in result.get_asset_materialization_events()]
    for one in made:
        if one.partition:
            assert one.metadata["desk_page"].value == f"{BASE}/desk/accounts/{one.partition}"
    assert len([one for one in made if "desk_page" in one.metadata]) == 3 * len(ASSETS)
    for answer in result.get_asset_check_evaluations():
        assert answer.metadata["desk_page"].value == f"{BASE}/desk/accounts/{answer.partition}"


@pytest.mark.usefixtures("address")
def test_a_days_events_lead_to_that_day() -> None:
    day = date(2026, 3, 6)
    (made,) = day_figures.events("DESK/A", {}, [day], ["daily_positions"])
    assert made.metadata["desk_page"].value == f"{BASE}/desk/accounts/DESK/A?day=2026-03-06"


@pytest.mark.usefixtures("address")
def test_what_is_of_all_accounts_leads_to_a_page_of_all(services: Any) -> None:
    overview = summaries.observation(services.sync()).metadata["desk_page"]
    assert overview.value == f"{BASE}/desk/"
    moment = datetime(2026, 3, 6, 4, tzinfo=UTC)
    turn = Turn(1, Task.BUY_ORDERS, "2026-03-06", moment, TurnState.DONE)
    assert tasks.figures({1: "DESK/A"}, [turn])["desk_page"].value == f"{BASE}/desk/schedules"
    decided = moderation.figures(Moderated(late=[0.5], hours={moment: 1}))
    assert decided["desk_page"].value == f"{BASE}/desk/fake-orders"


@pytest.mark.usefixtures("address")
def test_names_are_escaped() -> None:
    link = desk_pages.account_link("a b/c?d#e/f")["desk_page"]
    assert link.value == f"{BASE}/desk/accounts/a%20b/c%3Fd%23e%2Ff"


def test_without_an_address_there_is_no_link(
    services: Any, tick: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_pages, "BASE", "")
    result = tick(services)
    made = [event.materialization for event in result.get_asset_materialization_events()]
    assert made
    assert not [one for one in made if "desk_page" in one.metadata]


def test_the_address_is_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADESYNC_DESK_URL", f"{BASE}/")
    told = subprocess.run(
        [sys.executable, "-c", "from tradesync_dagster.defs.desk_pages import BASE; print(BASE)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert told.stdout.strip() == BASE
