"""A session that ends at the broker is told once, with what to do, until it has worked again."""

import json
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster_tests.support.desk import Desk, ask, open_desk
from tradesync_dagster_tests.support.store_frames import stored


def alerts(desk: Desk) -> list[tuple[str, dict[str, Any]]]:
    rows = stored(desk.services.store, "outbox")
    notes = [(row["routing_key"], json.loads(row["body"]), row["message_id"]) for row in rows]
    assert len({message_id for *_, message_id in notes}) == len(notes)
    return [(key, note) for key, note, _ in notes if note["type"] == "session_expired"]


def tick(desk: Desk) -> str:
    """Sync a minute later; return the first account's status."""
    desk.clock.move(timedelta(minutes=1))
    return desk.sync().results[0].status


def mend(desk: Desk) -> None:
    request = urllib.request.Request(f"{desk.url}/sim/faults", method="DELETE")
    with urllib.request.urlopen(request, timeout=60):
        pass


def test_an_ended_session_is_told_once_until_it_has_worked(desk: Desk) -> None:
    assert tick(desk) == "success"
    assert alerts(desk) == []
    desk.fault("expired", times=0, user_id="SIM001")
    assert [tick(desk) for _ in range(3)] == ["failed"] * 3
    [(key, note)] = alerts(desk)
    assert key == "account.SIM001.session_expired"
    assert list(note) == [
        "type", "account", "timestamp", "organization_id", "broker", "message",
    ]  # fmt: skip
    assert (note["account"], note["organization_id"], note["broker"]) == (
        "SIM001", "desk", "ZERODHA",
    )  # fmt: skip
    assert note["timestamp"] == "2026-11-19T04:02:00Z"
    assert "`tradesync login desk/SIM001`" in note["message"]
    assert desk.sync().results[0].errors[0] == note["message"]
    mend(desk)
    assert tick(desk) == "success"
    desk.fault("expired", times=0, user_id="SIM001")
    assert [tick(desk) for _ in range(2)] == ["failed"] * 2
    assert len(alerts(desk)) == 2


def test_a_broker_that_cannot_be_asked_leaves_an_ended_session_ended(desk: Desk) -> None:
    desk.fault("expired", times=0)
    assert tick(desk) == "failed"
    assert len(alerts(desk)) == 3
    mend(desk)
    desk.fault("error", times=0, status=503, error_type="NetworkException")
    assert tick(desk) == "failed"
    mend(desk)
    desk.fault("expired", times=0)
    assert tick(desk) == "failed"
    assert len(alerts(desk)) == 3


def test_a_book_that_is_never_asked_for_is_no_sign_of_a_session(tmp_path: Path) -> None:
    """AutoTrader has no trades, so that its adapter gives that book without asking."""
    books = f"sqlite:///{tmp_path}/books.sqlite3"
    with open_desk(books, tmp_path, accounts=1, brokers=("AUTOTRADER",)) as desk:
        for kind in ("expired", "reset", "expired"):
            desk.fault(kind, times=0)
            tick(desk)
            mend(desk)
        assert len(alerts(desk)) == 1


def test_an_outage_alone_ends_no_session(desk: Desk) -> None:
    desk.fault("error", times=0, status=503, error_type="NetworkException")
    assert [tick(desk) for _ in range(2)] == ["failed"] * 2
    assert alerts(desk) == []


def test_a_session_that_dies_between_two_answers_is_told(desk: Desk) -> None:
    desk.fault("expired", times=0, path="/portfolio", user_id="SIM001")
    assert [tick(desk) for _ in range(2)] == ["partial_success"] * 2
    assert len(alerts(desk)) == 1


def test_a_broker_without_a_login_page_is_told_of_otherwise(desk: Desk) -> None:
    (row,) = [row for row in ask(f"{desk.url}/sim/accounts") if row["user_id"] == "SIM002"]
    other = Account(
        0, "desk", "SIM002", "KOTAK", base_url=desk.url, credentials=row["credentials"]["KOTAK"]
    )
    desk.services.store.put_accounts([other])
    desk.fault("expired", times=0, user_id="SIM002")
    tick(desk)
    [(key, note)] = alerts(desk)
    assert key == "account.SIM002.session_expired"
    assert "`tradesync accounts add`" in note["message"]
    assert "tradesync login" not in note["message"]


def test_without_notifications_nothing_is_told(desk: Desk) -> None:
    desk.fault("expired", times=0)
    desk.with_settings(rabbitmq_notifications_enabled=False).sync()
    assert alerts(desk) == []
