"""Kite's order websocket at the simulated exchange: its official client's, and ours."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tradesync_dagster.bootstrap.hints import Hints
from tradesync_dagster.bootstrap.listening import Listening, Pauses
from tradesync_dagster_tests.support.api import running_api
from tradesync_dagster_tests.support.desk import ask
from tradesync_dagster_tests.support.monitored import USER, WatchedDesk, open_watched_desk
from tradesync_dagster_tests.support.trading import KEY
from tradesync_dagster_tests.support.wire import PATIENT

OFFICIAL = """
import json, sys
from kiteconnect import KiteTicker

def say(*told):
    print(json.dumps(told), flush=True)

root, key, token = sys.argv[1:]
ticker = KiteTicker(key, token, root=root)
ticker.on_connect = lambda ws, _: (ws.subscribe([408065]), say("connected"))
ticker.on_message = lambda ws, payload, is_binary: say("beat", len(payload)) if is_binary else None
ticker.on_order_update = lambda ws, data: say("order", data)
ticker.on_error = lambda ws, code, reason: (say("error", reason), ws.stop())
ticker.connect()
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[WatchedDesk]:
    with open_watched_desk(f"sqlite:///{tmp_path}/books.sqlite3", tmp_path) as opened:
        yield opened


def session(desk: WatchedDesk) -> dict[str, str]:
    return next(iter(ask(f"{desk.at.desk.url}/sim/accounts")))


def official(desk: WatchedDesk, token: str) -> "subprocess.Popen[str]":
    root = desk.at.desk.url.replace("http", "ws")
    command = [sys.executable, "-c", OFFICIAL, root, session(desk)["api_key"], token]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
    )


def told(client: "subprocess.Popen[str]", kind: str) -> Any:
    """Read what the client says until it says something of this kind."""
    assert client.stdout is not None
    for line in client.stdout:
        name, *what = json.loads(line)
        if name == kind:
            return what[0] if what else None
    pytest.fail(f"the official client ended without a word of {kind}")


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def wait(desk: WatchedDesk, order: Any, status: str) -> None:
    """Wait until the snapshot shows a status; nobody looks at orders unless told to."""
    wanted = (str(order.order.order_id), status)
    until(lambda: wanted in [(o["order_id"], o["status"]) for o in desk.snapshot()["orders"]])


def test_the_official_client_hears_of_an_order_and_is_refused_without_a_session(
    desk: WatchedDesk,
) -> None:
    order = desk.at.resting()
    client = official(desk, session(desk)["access_token"])
    stop = threading.Timer(120, client.kill)
    stop.start()
    try:
        told(client, "connected")
        assert told(client, "beat") == 1
        desk.by_hand(order, price=desk.at.price(104))
        rows = [told(client, "order") for _ in range(4)]
        assert [row["status"] for row in rows][:3] == [
            "MODIFY VALIDATION PENDING", "MODIFY PENDING", "MODIFIED",
        ]  # fmt: skip
        while rows[-1]["status"] != "COMPLETE":
            rows.append(told(client, "order"))
        last = rows[-1]
        assert last["order_id"] == desk.row(order)["broker_order_id"]
        assert (last["user_id"], last["filled_quantity"], last["unfilled_quantity"]) == (USER, 7, 0)
        ask(f"{desk.at.desk.url}/sim/logout", {"user_id": USER})
        assert "403" in told(client, "error")
    finally:
        stop.cancel()
        client.kill()
        client.communicate()


def test_a_door_for_listeners_alone(desk: WatchedDesk) -> None:
    async def knock() -> None:
        url = desk.at.desk.url
        own = {name: session(desk)[name] for name in ("api_key", "access_token")}
        async with aiohttp.ClientSession() as client:
            async with client.get(url, params=own) as answer:
                assert answer.status == 404
            for wrong in ({}, own | {"access_token": "other"}, own | {"api_key": "other"}):
                with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                    await client.ws_connect(url, params=wrong)
                assert caught.value.status == 403
            async with client.ws_connect(url, params=own) as ws:
                await ws.send_bytes(bytes(70_000))
                while not ws.closed:
                    await ws.receive(timeout=PATIENT)
                assert ws.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG

    asyncio.run(knock())


def test_a_fill_shows_without_the_minute_where_the_api_listens(desk: WatchedDesk) -> None:
    first, second = desk.at.resting(), desk.at.resting()
    desk.cycle()
    with running_api(desk.at.desk.services, listening=True):
        desk.cancel_by_hand(first)
        wait(desk, first, "cancelled")  # from now on it listens
        desk.by_hand(second, price=desk.at.price(104))
        wait(desk, second, "executed")
    assert desk.in_snapshot(second)["filled_quantity"] == 7
    assert "modified_by_hand" in desk.kinds(second)


@asynccontextmanager
async def listening(desk: WatchedDesk, hinted: list[str]) -> AsyncIterator[None]:
    """Listen with short pauses, and look as the API's process does."""
    hints = Hints(desk.at.desk.services)

    def look_at(key: str) -> None:
        hinted.append(key)
        hints.look_at(key)

    pauses = Pauses(books=0.05, least=0.05, longest=0.1)
    async with Listening(desk.at.desk.services, look_at, pauses=pauses).under_way():
        yield
    await asyncio.to_thread(hints.close)


def test_a_session_that_ends_is_told_and_the_next_one_is_listened_to(
    desk: WatchedDesk, caplog: pytest.LogCaptureFixture
) -> None:
    order, url, store = desk.at.resting(), desk.at.desk.url, desk.at.desk.services.store
    desk.cycle()
    dead = session(desk)["access_token"]

    def play(hinted: list[str]) -> None:
        until(lambda: hinted == [KEY])
        ask(f"{url}/sim/logout", {"user_id": USER})
        until(lambda: f"the session of {KEY} has ended" in caplog.text)
        desk.cancel_by_hand(order)
        store.put_credentials(KEY, {"access_token": session(desk)["access_token"]})
        wait(desk, order, "cancelled")  # it happened while nobody listened
        another = desk.at.resting()
        hinted.clear()
        desk.cancel_by_hand(another)
        wait(desk, another, "cancelled")
        until(lambda: set(hinted) == {KEY})  # a look at another hint may have found it first

    async def run() -> None:
        hinted: list[str] = []
        async with listening(desk, hinted):
            await asyncio.to_thread(play, hinted)

    asyncio.run(run())
    for secret in (dead, session(desk)["access_token"], session(desk)["api_key"]):
        assert secret not in caplog.text
