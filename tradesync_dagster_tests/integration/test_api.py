"""The API over real HTTP, against a desk whose accounts trade by hand, on both databases."""

from datetime import timedelta
from uuid import uuid4

import orjson
import pytest
from typer.testing import CliRunner

from tradesync_dagster.cli import app, books
from tradesync_dagster.cli import breaks as breaks_command
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster_tests.support.answering_dagster import answering_dagster
from tradesync_dagster_tests.support.api import (
    EXTERNAL,
    RIVAL,
    UNASSIGNED,
    Api,
    problem,
    rows,
    running_api,
)
from tradesync_dagster_tests.support.desk import Desk

ACCOUNT = "desk/SIM001"


def confirmed(desk: Desk, side: str = "BUY", quantity: int = 10) -> str:
    """Trade by hand, and sync until it is known to be external."""
    broker_id = desk.by_hand(side, quantity)
    desk.sync("desk/SIM001")
    desk.clock.move(timedelta(seconds=90))
    desk.sync("desk/SIM001")
    return broker_id


def test_an_external_order_that_a_sync_found_is_listed(desk: Desk, api: Api) -> None:
    assert rows(api.get(EXTERNAL)) == []
    broker_id = confirmed(desk)
    [row] = rows(api.get(EXTERNAL))
    assert (row["broker_order_id"], row["origin"], row["account"]) == (
        broker_id, "external", ACCOUNT,
    )  # fmt: skip
    assert [row] == desk.services.external_orders(ACCOUNT), "every key that the books show"
    assert isinstance(row["average_price"], str)
    assert rows(api.get(UNASSIGNED)) == [row]
    desk.clock.move(timedelta(days=3))
    assert rows(api.get(EXTERNAL)) == [], "one day unless more are asked for"
    assert rows(api.get(EXTERNAL, days=4)) == [row]
    assert rows(api.get(UNASSIGNED)) == [row], "of any day"


def test_assigning_moves_an_order_and_the_audit_trail_names_the_key(desk: Desk, api: Api) -> None:
    confirmed(desk)
    desk.services.add_strategy("desk", "momentum")
    [order] = rows(api.get(UNASSIGNED))
    wanted = {"pseudo_account": "SIM001", "order_ids": [order["order_id"]], "why": "placed by me"}
    answer = api.post("/external/assign", strategy_id="momentum", **wanted)
    assert answer.status_code == 200, answer.text
    done = answer.json()
    assert (done["changed"], done["order_ids"]) == (1, [order["order_id"]])
    assert rows(api.get(UNASSIGNED)) == []
    assert rows(api.get(EXTERNAL))[0]["strategy_id"] == "momentum"
    sums = rows(api.get("/metrics/SIM001"))
    assert {row["strategy_id"] for row in sums} == {None, "momentum"}
    assert sums == desk.services.metrics(ACCOUNT)
    with desk.services.store.reading() as connection:
        [detail] = connection.exec_driver_sql(
            "SELECT detail FROM order_events WHERE kind = 'assigned'"
        ).scalars()
    said = orjson.loads(detail) if isinstance(detail, str) else detail
    assert (said["who"], said["why"]) == ("asha's terminal", "placed by me")
    again = api.post("/external/assign", strategy_id="momentum", **wanted).json()
    assert again == {"changed": 0, "order_ids": [], "assignment_id": None}
    assert api.post("/external/assign", strategy_id="", **wanted).json()["changed"] == 1
    assert len(rows(api.get(UNASSIGNED))) == 1


def test_unknown_orders_and_those_of_other_accounts_are_404_and_move_nothing(
    desk: Desk, api: Api
) -> None:
    confirmed(desk)
    desk.services.add_strategy("desk", "momentum")
    [order] = rows(api.get(UNASSIGNED))
    more = {"strategy_id": "momentum", "why": "by mistake"}
    mixed = [order["order_id"], str(uuid4())]
    answer = api.post("/external/assign", pseudo_account="SIM001", order_ids=mixed, **more)
    assert answer.status_code == 404
    assert mixed[1] in problem(answer)
    answer = api.post("/external/assign", pseudo_account="SIM002", order_ids=mixed[:1], **more)
    assert answer.status_code == 404
    assert rows(api.get(UNASSIGNED))[0]["strategy_id"] == ""


def test_a_past_day_has_the_rows_that_the_command_line_shows(
    desk: Desk, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(desk, "BUY", 10)
    day = desk.clock.now().date()
    desk.clock.move(timedelta(days=1))
    confirmed(desk, "SELL", 4)
    monkeypatch.setattr(books, "open_services", lambda: desk.services)
    for what in ("positions", "holdings"):
        for more in ([], ["--as-of", str(day)]):
            shown = CliRunner().invoke(app, [what, ACCOUNT, "--json", *more])
            assert shown.exit_code == 0, shown.output
            query = {"as_of": more[1]} if more else {}
            found = rows(api.get(f"/{what}/SIM001", **query))
            assert found == orjson.loads(shown.stdout)
    then, now = (rows(api.get("/positions/SIM001", **q)) for q in ({"as_of": str(day)}, {}))
    assert then != now
    assert then[0]["buy_quantity"] == 10
    late = api.get("/holdings/SIM001", as_of=str(day + timedelta(days=9)))
    assert (late.status_code, "still to come" in problem(late)) == (404, True)


def test_what_is_said_of_a_break_is_kept_with_the_keys_name(
    desk: Desk, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(desk)
    put_break(desk)
    [found] = rows(api.get("/breaks"))
    assert [found] == desk.services.breaks(ACCOUNT)
    named = {name: found[name] for name in ("kind", "subject")} | {"pseudo_account": "SIM001"}
    for verb, state in (("explain", "explained"), ("accept", "accepted"), ("reopen", "open")):
        answer = api.post(f"/breaks/{verb}", note=f"to {verb}", **named)
        assert answer.status_code == 200, answer.text
        row = answer.json()
        assert (row["state"], row["owner"], row["note"]) == (
            state, "asha's terminal", f"to {verb}",
        )  # fmt: skip
        assert rows(api.get("/breaks", pseudo_account="SIM001")) == [row]
    desk.clock.move(timedelta(hours=3))
    aged = row | {"age_seconds": row["age_seconds"] + 3 * 3_600}
    monkeypatch.setattr(breaks_command, "open_services", lambda: desk.services)
    shown = CliRunner().invoke(app, ["breaks", "list", ACCOUNT, "--json"])
    assert orjson.loads(shown.stdout) == [aged] == rows(api.get("/breaks"))
    assert "3 h" in CliRunner().invoke(app, ["breaks", "list"]).stdout
    assert rows(api.get("/breaks", pseudo_account="SIM002")) == []
    missing = api.post("/breaks/accept", note="?", **named | {"subject": "gone"})
    assert (missing.status_code, "gone" in problem(missing)) == (404, True)


def put_break(desk: Desk) -> None:
    """Put one break into our account, and one into a rival's."""
    for account in desk.services.chosen(None):
        if account.key in {ACCOUNT, "rival/SECRET7"}:
            with desk.services.store.begin([account.account_id]) as work:
                at = desk.clock.now()
                work.put_breaks([Break(account.account_id, "book_shrank", "X1", at, {"was": 2})])


def test_health_needs_no_key_and_follows_the_books(desk: Desk, api: Api) -> None:
    nobody = Api(api.url, None, "")
    for path in ("/health/live", "/health/ready"):
        assert nobody.send("GET", path).json() == {"status": "ok"}
    with desk.services.store.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    answer = nobody.send("GET", "/health/ready")
    assert answer.status_code == 503
    assert problem(answer) == "the database has another version's schema"
    assert nobody.send("GET", "/health/live").status_code == 200


def test_books_that_do_not_answer_are_503_without_their_address(desk: Desk, api: Api) -> None:
    with desk.services.store.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE positions RENAME TO elsewhere")
    answer = api.get("/positions/SIM001")
    assert answer.status_code == 503
    assert "log" in problem(answer)
    assert "positions" not in answer.text


def test_a_sync_is_started_in_dagster_for_the_accounts_of_the_organization(desk: Desk) -> None:
    desk.services.store.put_accounts([RIVAL])
    _, token = desk.services.keys().add("desk", "asha")
    desk.services.store.disable("desk/SIM003")
    with answering_dagster() as dagster, running_api(desk.services, dagster.url + "/") as url:
        api = Api(url, token, "desk")
        query = {"organization_id": "desk", "pseudo_account": "SIM001"}
        answers = [
            api.post("/external/trigger-sync"),
            api.post("/external/trigger-sync", pseudo_account="SIM003", force=True),
            api.send("POST", "/external/trigger-sync", params=query),
        ]
        bare = api.send("POST", "/external/trigger-sync", params={"pseudo_account": "SIM001"})
        dagster.starts_runs = False
        queued = api.post("/external/trigger-sync").json()
        dagster.launched = {"__typename": "UnauthorizedError", "message": "read only"}
        unlaunched = api.post("/external/trigger-sync")
        dagster.raw = b'{"data": null}'
        silent = api.post("/external/trigger-sync")
        dagster.raw = b'{"data": null, "errors": [{"message": "the instance is gone"}]}'
        failing = api.post("/external/trigger-sync")
    wanted = [
        (["desk/SIM001", "desk/SIM002"], False), (["desk/SIM003"], True), (["desk/SIM001"], False),
    ]  # fmt: skip
    for answer, (accounts, _) in zip(answers, wanted, strict=True):
        assert answer.status_code == 202, answer.text
        assert answer.json() == {
            "run_id": "run-1", "url": f"{dagster.url}/runs/run-1", "accounts": accounts,
            "warning": None,
        }  # fmt: skip
    launched = [one["runConfigData"]["ops"]["sync_accounts"]["config"] for one in dagster.launches]
    assert launched[:3] == [{"accounts": keys, "force": force} for keys, force in wanted]
    assert {one["selector"]["jobName"] for one in dagster.launches} == {"sync_job"}
    assert bare.json() == answers[2].json(), "the key's own organization"
    assert (queued["run_id"], "is queued" in queued["warning"]) == ("run-1", True)
    reasons = {"read only": unlaunched, "told nothing of": silent, "instance is gone": failing}
    for reason, answer in reasons.items():
        assert (answer.status_code, reason in problem(answer)) == (503, True)


def test_without_dagster_a_sync_is_503_with_a_sentence(desk: Desk, api: Api) -> None:
    answer = api.post("/external/trigger-sync", pseudo_account="SIM001")
    assert answer.status_code == 503
    assert "no Dagster answers" in problem(answer)
    for key in ("desk/SIM001", "desk/SIM002", "desk/SIM003"):
        desk.services.store.disable(key)
    assert api.post("/external/trigger-sync").status_code == 404
