"""Kite's postback over HTTP: whose it is, and the look that it asks for."""

import json
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tradesync_dagster_tests.support.api import problem, running_api
from tradesync_dagster_tests.support.desk import ask
from tradesync_dagster_tests.support.monitored import USER, WatchedDesk, open_watched_desk
from tradesync_dagster_tests.support.trading import KEY

HOOK = "/hooks/kite/desk/SIM001"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[WatchedDesk]:
    with open_watched_desk(f"sqlite:///{tmp_path}/books.sqlite3", tmp_path) as opened:
        yield opened


@pytest.fixture
def url(desk: WatchedDesk) -> Iterator[str]:
    secret = next(a["api_secret"] for a in ask(f"{desk.at.desk.url}/sim/accounts"))
    desk.at.desk.services.store.put_credentials(KEY, {"api_secret": secret})
    with running_api(desk.at.desk.services) as listening:
        yield listening


def signed(desk: WatchedDesk, number: str, **changes: Any) -> bytes:
    secret = next(a["api_secret"] for a in ask(f"{desk.at.desk.url}/sim/accounts"))
    stamp = "2026-11-19 09:31:00"
    checksum = sha256(f"{number}{stamp}{secret}".encode()).hexdigest()
    message = {"order_id": number, "order_timestamp": stamp, "checksum": checksum}
    return json.dumps(message | {"user_id": USER, "status": "CANCELLED"} | changes).encode()


def becomes(desk: WatchedDesk, found: Any, status: str, within: float = 120.0) -> float:
    """Wait until the snapshot shows a status; return after how many seconds."""
    begun = time.monotonic()
    while desk.in_snapshot(found)["status"] != status:
        assert time.monotonic() - begun < within, desk.in_snapshot(found)["status"]
        time.sleep(0.02)
    return time.monotonic() - begun


def test_a_genuine_message_brings_the_change_into_the_snapshot(desk: WatchedDesk, url: str) -> None:
    resting = desk.at.resting()
    desk.cycle()
    order_id = desk.row(resting)["broker_order_id"]
    desk.cancel_by_hand(resting)
    answers = [httpx.post(url + HOOK, content=signed(desk, order_id), timeout=60) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {202}
    becomes(desk, resting, "cancelled")
    assert "cancelled_by_hand" in desk.kinds(resting)


@pytest.mark.parametrize(
    "changes",
    [
        {"checksum": "0" * 64}, {"checksum": ""}, {"checksum": None}, {"checksum": "é"},
        {"order_id": "other"}, {"order_timestamp": 5}, {"order_timestamp": "\ud800"},
    ],
)  # fmt: skip
def test_what_is_not_signed_asks_for_nothing(
    desk: WatchedDesk, url: str, changes: dict[str, Any]
) -> None:
    answer = httpx.post(url + HOOK, content=signed(desk, "1", **changes), timeout=60)
    assert (answer.status_code, problem(answer)) == (
        403, "the message is not signed by this account",
    )  # fmt: skip


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b"[" * 5000, b"9" * 5000])
def test_what_is_no_message_asks_for_nothing(desk: WatchedDesk, url: str, body: bytes) -> None:
    assert httpx.post(url + HOOK, content=body, timeout=60).status_code == 403


def test_an_account_that_is_not_there_answers_like_a_wrong_signature(
    desk: WatchedDesk, url: str
) -> None:
    known = httpx.post(url + HOOK, content=signed(desk, "1", checksum="0" * 64), timeout=60)
    other = httpx.post(f"{url}/hooks/kite/desk/NOBODY", content=signed(desk, "1"), timeout=60)
    assert (known.status_code, known.text) == (other.status_code, other.text)
    assert httpx.post(url + HOOK, content=b"x" * 70_000, timeout=60).status_code == 413
    assert httpx.post(f"{url}/hooks/kite/a%20b/c", content=b"{}", timeout=60).status_code == 422


def test_how_orders_stand_is_answered_to_the_key_of_their_organization(
    desk: WatchedDesk, url: str
) -> None:
    desk.at.resting()
    _, token = desk.at.desk.services.keys().add("desk", "asha")
    path = f"{url}/api/v1/user/order-statistics"
    keyed = {"Authorization": f"Bearer {token}"}
    found = httpx.get(path, params={"organization_id": "desk"}, headers=keyed, timeout=60)
    assert found.status_code == 200, found.text
    assert (found.json()["total"], found.json()["statuses"]["open"]) == (2, 1)
    assert (
        httpx.get(path, params={"organization_id": "rival"}, headers=keyed, timeout=60).status_code
        == 403
    )
    assert httpx.get(path, params={"organization_id": "desk"}, timeout=60).status_code == 401
    missing = {"organization_id": "desk", "pseudo_account": "NOBODY"}
    assert httpx.get(path, params=missing, headers=keyed, timeout=60).status_code == 404
