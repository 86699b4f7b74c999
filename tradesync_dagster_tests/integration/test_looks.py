"""The record of what was asked, what came, and what was decided."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from tradesync_dagster.cli import app
from tradesync_dagster.cli import looks as command
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.answers import look_of, taken
from tradesync_dagster_tests.support.api import Api, rows
from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.orders import sample_order
from tradesync_dagster_tests.support.store_frames import refuse_rows, stored

ACCOUNT = "desk/SIM001"
T0 = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
ORDER = sample_order(placed_at=T0 - timedelta(hours=1))


def decisions(look: dict[str, Any]) -> list[str]:
    return [answer["decision"] for answer in look["answers"]]


def test_each_look_of_a_tick_is_a_row(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    desk.sync()
    second, first = desk.services.looks(ACCOUNT)
    assert [a["kind"] for a in first["answers"]] == ["orders", "trades", "positions", "holdings"]
    assert (first["complete"], first["candidates"], first["confirmed"]) == (True, 1, 0)
    assert (second["complete"], second["candidates"], second["confirmed"]) == (True, 0, 1)
    assert decisions(first) == ["applied"] * 4
    assert decisions(second)[:2] == ["nothing_new"] * 2
    assert first["tick_id"] == second["tick_id"]
    book = first["answers"][0]
    assert (book["outcome"], book["rows"], book["rejects"]) == ("complete", 1, 0)
    hashes = {payload["payload_hash"] for payload in stored(desk.services.store, "raw_payloads")}
    assert {answer["payload_hash"] for answer in first["answers"]} <= hashes
    assert len(desk.services.looks("desk/SIM002")) == 1, "nothing to confirm, no second look"


def test_a_look_says_why_it_was_not_complete(desk: Desk) -> None:
    desk.fault("html", path="/trades", times=9)
    desk.one()
    (broken,) = desk.services.looks(ACCOUNT)
    assert (broken["complete"], decisions(broken)[:2]) == (False, ["applied", "not_complete"])
    assert broken["answers"][1]["error"] == "BrokerUnavailableError"
    assert "payload_hash" in broken["answers"][0]


def test_a_look_says_why_its_book_was_not_believed(store: SqlStore, account: Account) -> None:
    for minutes, orders in ((0, [ORDER]), (1, [])):
        taken(store, look_of(account, T0 + timedelta(minutes=minutes), orders))
    first, shrunk = stored(store, "looks")
    assert decisions(first)[0] == "applied"
    assert decisions(shrunk)[0] == "quarantined"
    assert "lost 1 order" in shrunk["answers"][0]["reason"]
    assert shrunk["complete"], "it came whole; what it says is not to be believed"


def test_old_looks_are_forgotten(desk: Desk) -> None:
    short = desk.with_settings(looks_days=2)
    for _ in range(3):
        short.one()
        desk.clock.move(timedelta(days=1, hours=1))
    kept = stored(desk.services.store, "looks")
    assert len(kept) == 2
    short.sync("desk/SIM002")
    assert len(stored(desk.services.store, "looks")) == 3, "each account's own"


def test_people_and_programs_read_them(
    desk: Desk, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.by_hand("BUY", 10)
    desk.fault("html", path="/portfolio/holdings", times=1)
    desk.one()
    monkeypatch.setattr(command, "open_services", lambda: desk.services)
    told = CliRunner().invoke(app, ["looks", ACCOUNT, "--json"])
    assert told.exit_code == 0, told.output
    as_json = json.loads(told.stdout)
    assert as_json == desk.services.looks(ACCOUNT)
    table = CliRunner().invoke(app, ["looks", ACCOUNT]).stdout
    assert "BrokerUnavailableError" in table
    answered = rows(api.get("/external/looks/SIM001"))
    assert [look["asked_at"] for look in answered] == [look["asked_at"] for look in as_json]
    assert answered[0]["answers"][0]["decision"] == as_json[0]["answers"][0]["decision"]
    assert rows(api.get("/external/looks/SIM002")) == []
    unknown = CliRunner().invoke(app, ["looks", "desk/NOBODY"])
    assert (unknown.exit_code, "there is no account" in unknown.output) == (1, True)
    assert api.get("/external/looks/NOBODY").status_code == 404


def refuse_orders(desk: Desk, number: int, *, looks: bool = False) -> None:
    """Let the database itself refuse orders of an account, and its looks too if asked to."""
    for name in ("orders", "looks") if looks else ("orders",):
        refuse_rows(desk.services.store.engine, name, number)


def account_id(desk: Desk) -> int:
    return next(one.account_id for one in desk.services.store.accounts() if one.key == ACCOUNT)


def test_a_look_that_the_books_refused_is_kept_with_the_reason(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    desk.by_hand("BUY", 10, user_id="SIM002")
    refuse_orders(desk, account_id(desk))
    desk.fault("html", path="/portfolio/holdings", user_id="SIM001", times=9)
    summary = desk.sync()
    failed = next(one for one in summary.results if one.account == ACCOUNT)
    assert failed.status == "failed"
    (look,) = desk.services.looks(ACCOUNT)
    assert (look["complete"], look["candidates"], look["confirmed"]) == (False, 0, 0)
    assert look["tick_id"] == summary.tick_id
    assert decisions(look) == ["refused", "refused", "refused", "not_complete"]
    book = look["answers"][0]
    assert (book["outcome"], book["rows"]) == ("complete", 1)
    assert book["payload_hash"]
    assert book["reason"] in failed.errors[0]
    assert "reason" not in look["answers"][3]
    assert look["answers"][3]["error"] == "BrokerUnavailableError"
    assert stored(desk.services.store, "orders")
    assert {row["account_id"] for row in stored(desk.services.store, "orders")} != {
        account_id(desk)
    }
    assert {one["complete"] for one in desk.services.looks("desk/SIM002")} == {True}


def test_a_record_that_is_refused_too_is_told(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    refuse_orders(desk, account_id(desk), looks=True)
    summary = desk.sync()
    assert desk.services.looks(ACCOUNT) == []
    assert any("record of this look is lost" in text for text in summary.publish_errors)
    assert len(desk.services.looks("desk/SIM002")) >= 1
