"""Kite's websocket read from a real server that plays a script."""

import asyncio
import json
import traceback
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from tradesync_dagster.brokers.kite_updates import KiteUpdates
from tradesync_dagster.domain import errors
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster_tests.support.wire import (
    HURRIED,
    PATIENT,
    Server,
    Step,
    hang,
    reset,
    say,
    serving,
)

KEY, TOKEN = "keyk3yk3y", "tok/t0k+t0k"
UPDATE = json.dumps({"type": "order", "data": {"order_id": "1", "status": "COMPLETE"}})


def account(url: str, token: str = TOKEN) -> Account:
    credentials = {"api_key": KEY, "access_token": token}
    return Account(1, "desk", "main", "ZERODHA", base_url=url, credentials=credentials)


def speak(*frames: str | bytes, silent: bool = False) -> Step:
    """Open a websocket, send frames, and close it or say nothing more."""

    async def step(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        for frame in frames:
            await (ws.send_str(frame) if isinstance(frame, str) else ws.send_bytes(frame))
        if silent:
            await ws.receive()
        await ws.close(code=1001)
        return ws

    return step


def heard(
    *steps: Step, of: Callable[[str], Account] = account, silence: float = PATIENT
) -> tuple[list[str], errors.TradesyncError, Server]:
    """Listen until it ends; return what was told, how it ended, and the server."""
    told: list[str] = []

    async def listen() -> tuple[errors.TradesyncError, Server]:
        async with serving(*steps) as server:
            with pytest.raises(errors.TradesyncError) as caught:
                await KiteUpdates(silence).follow(
                    of(server.url), lambda: told.append("opened"), lambda: told.append("changed")
                )
            return caught.value, server

    error, server = asyncio.run(listen())
    shown = "".join(traceback.format_exception(error)) + repr(error)
    for secret in (KEY, TOKEN, "tok%2Ft0k", "t0k"):
        assert secret not in shown
    return told, error, server


def test_an_order_frame_is_a_change_and_nothing_else_is() -> None:
    others = [
        b"\0", b"", b"\0\1" + bytes(40), "", "{", "null", "7", "[]", '["order"]', "[" * 5000,
        "9" * 5000, '{"type": "message", "data": "hello"}', '{"type": ["order"]}',
        '{"type": "error", "data": "no"}', '{"data": {"type": "order"}}',
    ]  # fmt: skip
    told, error, _ = heard(speak(*others, UPDATE, b"\0", UPDATE))
    assert told == ["opened", "changed", "changed"]
    assert isinstance(error, errors.BrokerUnavailableError)
    assert "closed (code 1001)" in str(error)


def test_the_key_and_the_token_go_into_the_query() -> None:
    seen: list[web.Request] = []

    async def step(request: web.Request) -> web.WebSocketResponse:
        seen.append(request)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.close()
        return ws

    heard(step)
    assert dict(seen[0].query) == {"api_key": KEY, "access_token": TOKEN}
    assert (seen[0].path, seen[0].headers["X-Kite-Version"]) == ("/", "3")


def test_a_frame_that_is_too_long_ends_the_connection_unread() -> None:
    long = json.dumps({"type": "order", "data": "x" * 70_000})
    told, error, _ = heard(speak(UPDATE, long, UPDATE))
    assert (told, type(error)) == (["opened", "changed"], errors.UnreadableAnswerError)
    assert "longer than 65536 bytes" in str(error)


def test_silence_ends_a_connection() -> None:
    told, error, _ = heard(speak(UPDATE, silent=True), silence=HURRIED)
    assert (told, type(error)) == (["opened", "changed"], errors.BrokerUnavailableError)
    assert "within 1 s" in str(error)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_a_session_that_has_ended(status: int) -> None:
    told, error, _ = heard(say(status, f"not {TOKEN}"))
    assert (told, type(error)) == ([], errors.SessionExpiredError)
    assert "tradesync login desk/main" in str(error)
    assert f"HTTP {status}" in str(error)


async def _elsewhere(request: web.Request) -> web.Response:
    raise web.HTTPFound(f"/other?{request.query_string}")


@pytest.mark.parametrize(
    "step", [say(200), say(429), say(503), reset, hang, _elsewhere], ids=lambda step: step.__name__
)
def test_what_is_no_websocket_is_no_session_that_has_ended(
    step: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> None:
    told, error, server = heard(step, silence=HURRIED if step is hang else PATIENT)
    assert (told, type(error)) == ([], errors.BrokerUnavailableError)
    assert server.asked == ["GET /"]  # a redirect would take the token along


def test_what_no_connection_can_be_made_of_is_said_before_any() -> None:
    told, error, server = heard(speak(UPDATE), of=lambda url: account(url, ""))
    assert (told, type(error)) == ([], errors.ConfigurationError)
    assert server.asked == []
    _, error, _ = heard(speak(UPDATE), of=lambda _: account("ws://x"))
    assert "base_url" in str(error)
