"""How the Upstox adapter takes answers, against a real HTTP server that misbehaves on script."""

import hashlib
import json
from collections.abc import Awaitable
from datetime import date
from typing import Any

import pytest

from tradesync_dagster.brokers.upstox import UpstoxClient
from tradesync_dagster.domain import errors
from tradesync_dagster.domain.answers import Fetch, Outcome
from tradesync_dagster_tests.support.scripted import Stage, data, say
from tradesync_dagster_tests.support.wire import Step, hang, reset

TOKEN = "tokt0kt0k"
UPSTOX = Stage("UPSTOX", {"access_token": TOKEN})
HOLDING = {
    "isin": "INE154A01025", "cnc_used_quantity": 0, "product": "D", "quantity": 12,
    "trading_symbol": "ITC", "tradingsymbol": "ITC", "last_price": 401.05, "t1_quantity": 0,
    "average_price": 399.333333333, "exchange": "NSE", "instrument_token": "NSE_EQ|INE154A01025",
}  # fmt: skip


def error(*codes: str, status: int, spelling: str = "error_code") -> Step:
    problems = [{spelling: code, "message": f"bad {TOKEN}"} for code in codes]
    return say(json.dumps({"status": "error", "errors": problems}), status)


def holdings(client: UpstoxClient) -> Awaitable[Fetch]:
    return client.holdings()


def test_a_book_is_asked_for_and_kept() -> None:
    fetch, script, _ = UPSTOX.play(holdings, data([HOLDING]))
    assert (fetch.outcome, len(fetch.rows)) == (Outcome.COMPLETE, 1)
    assert (fetch.kind, fetch.error, fetch.error_kind, fetch.rejects) == ("holdings", "", "", ())
    assert fetch.trade_date == date(2025, 11, 4)
    assert fetch.payload_hash == hashlib.sha256(fetch.payload).hexdigest()
    assert fetch.broker_time is not None
    (asked,) = script.asked
    assert (asked.method, asked.path) == ("GET", "/v2/portfolio/long-term-holdings")
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["Accept"] == "application/json"


@pytest.mark.parametrize(
    ("ask", "path"),
    [
        (lambda client: client.orders(), "/v2/order/retrieve-all"),
        (lambda client: client.trades(), "/v2/order/trades/get-trades-for-day"),
        (lambda client: client.positions(), "/v2/portfolio/short-term-positions"),
        (lambda client: client.holdings(), "/v2/portfolio/long-term-holdings"),
    ],
)
def test_an_empty_book_is_complete_and_empty(ask: Any, path: Any) -> None:
    fetch, script, _ = UPSTOX.play(ask, data([]))
    assert (fetch.outcome, fetch.rows, fetch.rejects) == (Outcome.COMPLETE, (), ())
    assert (script.asked[0].path, script.asked[0].query) == (path, {})


@pytest.mark.parametrize(
    ("step", "kind", "sends"),
    [
        (say(f"<html>{TOKEN} login</html>", kind="text/html"), "UnreadableAnswerError", 1),
        (say('{"status": "success", "data": [{"ord'), "UnreadableAnswerError", 1),
        (say('{"status": "success", "data": NaN}'), "UnreadableAnswerError", 1),
        (say(b""), "UnreadableAnswerError", 1),
        (say("x" * 200_000), "UnreadableAnswerError", 1),
        (data(None), "UnreadableAnswerError", 1),
        (data({}), "UnreadableAnswerError", 1),
        (say('{"status": "success"}'), "UnreadableAnswerError", 1),
        (say('{"status": "pending", "data": []}'), "UnreadableAnswerError", 1),
        (say('{"data": []}'), "UnreadableAnswerError", 1),
        (say("[]"), "UnreadableAnswerError", 1),
        (say("", 302, Location="/other"), "UnreadableAnswerError", 1),
        (say('{"status": "error", "errors": null}'), "UnreadableAnswerError", 1),
        (error("UDAPI100050", status=401), "SessionExpiredError", 1),
        (error("UDAPI100050", status=401, spelling="errorCode"), "SessionExpiredError", 1),
        (error("UDAPI100016", status=400), "SessionExpiredError", 1),
        (say("denied", 401), "SessionExpiredError", 1),
        (say("denied", 403), "RefusedRequestError", 1),
        (error("UDAPI100036", status=400), "RefusedRequestError", 1),
        (error("UDAPI100060", status=404), "RefusedRequestError", 1),
        (error("UDAPI100041", status=400), "RefusedRequestError", 1),
        (error("UDAPI100500", status=200), "BrokerUnavailableError", 1),
        (error("UDAPI100500", status=500), "BrokerUnavailableError", 3),
        (say("<html>", 502), "BrokerUnavailableError", 3),
        (error("UDAPI10005", status=429), "RateLimitedError", 3),
        (error("UDAPI10005", status=400), "RateLimitedError", 1),
        (hang, "BrokerUnavailableError", 3),
        (reset, "BrokerUnavailableError", 3),
    ],
)
def test_a_failed_read_is_never_an_empty_book(step: Any, kind: Any, sends: Any) -> None:
    fetch, script, _ = UPSTOX.play(holdings, step)
    assert (fetch.outcome, fetch.error_kind, fetch.rows) == (Outcome.FAILED, kind, ())
    assert len(script.asked) == sends
    assert TOKEN not in fetch.error
    assert bool(fetch.payload) is bool(fetch.payload_hash)


def test_a_partial_success_is_a_partial_book() -> None:
    body = {"status": "partial_success", "data": [HOLDING], "errors": [{"message": "BSE is down"}]}
    fetch, _, _ = UPSTOX.play(holdings, say(json.dumps(body)))
    assert (fetch.outcome, len(fetch.rows)) == (Outcome.PARTIAL, 1)
    assert (fetch.error, fetch.error_kind) == (
        "Upstox calls its answer a partial success", "UnreadableAnswerError",
    )  # fmt: skip


def test_a_read_recovers_after_a_server_error() -> None:
    fetch, script, _ = UPSTOX.play(holdings, say("oops", 500), reset, data([HOLDING]))
    assert (fetch.outcome, len(script.asked)) == (Outcome.COMPLETE, 3)


def test_every_problem_is_told() -> None:
    fetch, _, _ = UPSTOX.play(holdings, error("UDAPI100036", "UDAPI1023", status=400))
    assert "bad ***; bad *** (UDAPI100036, UDAPI1023, HTTP 400)" in fetch.error


def test_an_ended_session_says_what_to_do() -> None:
    fetch, _, _ = UPSTOX.play(holdings, error("UDAPI100050", status=401))
    assert "ORG/A1" in fetch.error
    assert "`tradesync login ORG/A1`" in fetch.error


def test_a_book_without_one_readable_row_is_partial() -> None:
    fetch, _, _ = UPSTOX.play(holdings, data([{"isin": "x" * 9000}, 7]))
    assert (fetch.outcome, fetch.rows, fetch.error_kind) == (
        Outcome.PARTIAL, (), "ValueRefusedError",
    )  # fmt: skip
    assert [len(item.raw) for item in fetch.rejects] == [4096, 1]


def test_profile() -> None:
    found, script, _ = UPSTOX.play(
        lambda client: client.profile(), data({"user_id": "AB1", "user_name": "A B", "poa": False})
    )
    assert found == {"user_id": "AB1", "user_name": "A B"}
    assert script.asked[0].path == "/v2/user/profile"
    raised, _ = UPSTOX.failing(lambda client: client.profile(), data(None))
    assert isinstance(raised, errors.UnreadableAnswerError)
