"""How the AutoTrader adapter takes answers, against a real HTTP server on script."""

import hashlib
import json
from collections.abc import Awaitable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tradesync_dagster.brokers.autotrader import BASE_URL, AutoTraderClient
from tradesync_dagster.brokers.limits import Window
from tradesync_dagster.domain import errors
from tradesync_dagster.domain.answers import Fetch, Outcome
from tradesync_dagster_tests.support.scripted import Stage, say
from tradesync_dagster_tests.support.wire import Step, hang, reset

KEY = "k3y0fth3d3sk"
AUTOTRADER = Stage("AUTOTRADER", {"api_key": KEY})
HOLDING = {
    "id": "1", "isin": "INE154A01025", "instrumentToken": "424961", "product": "CNC",
    "quantity": 12, "collateralQty": 0, "t1Qty": 3, "avgPrice": 399.333333333, "exchange": "NSE",
    "symbol": "ITC", "platform": "KITE", "ltp": 401.05, "totalQty": 15,
}  # fmt: skip


def result(value: object, **more: object) -> Step:
    body = {"result": value, "message": None, "status": True, "commandId": None}
    return say(json.dumps(body | more))


def refusal(words: object, status: int = 200) -> Step:
    body = {"result": None, "message": words, "status": False, "commandId": None}
    return say(json.dumps(body), status)


def holdings(client: AutoTraderClient) -> Awaitable[Fetch]:
    return client.holdings()


def test_a_book_is_asked_for_and_kept() -> None:
    fetch, script, _ = AUTOTRADER.play(holdings, result([HOLDING]))
    assert (fetch.outcome, len(fetch.rows)) == (Outcome.COMPLETE, 1)
    assert (fetch.kind, fetch.error, fetch.error_kind, fetch.rejects) == ("holdings", "", "", ())
    assert fetch.trade_date == date(2025, 11, 4)
    assert fetch.payload_hash == hashlib.sha256(fetch.payload).hexdigest()
    assert fetch.broker_time is not None
    (asked,) = script.asked
    assert (asked.method, asked.path) == ("GET", "/trading/readPlatformHoldings")
    assert asked.query == {"pseudoAccount": "A1"}
    assert asked.headers["api-key"] == KEY
    assert asked.headers["Accept"] == "application/json"


@pytest.mark.parametrize(
    ("ask", "path"),
    [
        (lambda client: client.orders(), "/trading/readPlatformOrders"),
        (lambda client: client.positions(), "/trading/readPlatformPositions"),
        (lambda client: client.holdings(), "/trading/readPlatformHoldings"),
    ],
)
def test_an_empty_book_is_complete_and_empty(ask: Any, path: Any) -> None:
    fetch, script, _ = AUTOTRADER.play(ask, result([]))
    assert (fetch.outcome, fetch.rows, fetch.rejects) == (Outcome.COMPLETE, (), ())
    assert script.asked[0].path == path


def test_autotrader_has_no_trades_and_is_not_asked_for_them() -> None:
    fetch, script, _ = AUTOTRADER.play(lambda client: client.trades(), say("never"))
    assert (fetch.kind, fetch.outcome, fetch.rows) == ("trades", Outcome.COMPLETE, ())
    assert fetch.requested_at == datetime(2025, 11, 3, 20, 0, tzinfo=UTC)
    assert fetch.trade_date == date(2025, 11, 4)
    assert script.asked == []


def test_autotrader_may_know_the_account_by_another_name() -> None:
    stage = Stage("AUTOTRADER", {"api_key": KEY, "pseudo_account": "M&M fund"})
    _, script, _ = stage.play(holdings, result([]))
    assert script.asked[0].query == {"pseudoAccount": "M&M fund"}


@pytest.mark.parametrize(
    ("step", "kind", "sends"),
    [
        (say(f"<html>{KEY} login</html>", kind="text/html"), "UnreadableAnswerError", 1),
        (say('{"status": true, "result": [{"id'), "UnreadableAnswerError", 1),
        (say('{"status": true, "result": NaN}'), "UnreadableAnswerError", 1),
        (say(b""), "UnreadableAnswerError", 1),
        (say("x" * 200_000), "UnreadableAnswerError", 1),
        (result(None), "UnreadableAnswerError", 1),
        (result({}), "UnreadableAnswerError", 1),
        (say('{"status": true}'), "UnreadableAnswerError", 1),
        (say('{"status": "true", "result": []}'), "UnreadableAnswerError", 1),
        (say('{"status": 1, "result": []}'), "UnreadableAnswerError", 1),
        (say('{"result": []}'), "UnreadableAnswerError", 1),
        (say("[]"), "UnreadableAnswerError", 1),
        (say("", 302, Location="/other"), "UnreadableAnswerError", 1),
        (refusal(None), "UnreadableAnswerError", 1),
        (refusal(" "), "UnreadableAnswerError", 1),
        (refusal({"odd": 1}), "UnreadableAnswerError", 1),
        (refusal("no", 403), "SessionExpiredError", 1),
        (say("denied", 401), "SessionExpiredError", 1),
        (refusal(f"Invalid API key {KEY}"), "SessionExpiredError", 1),
        (refusal("Please login to your broker"), "SessionExpiredError", 1),
        (refusal("Session of AB1234 timed out"), "SessionExpiredError", 1),
        (refusal("Token is invalid or has expired."), "SessionExpiredError", 1),
        (refusal("The market session is over"), "RefusedRequestError", 1),
        (refusal("No such pseudo account"), "RefusedRequestError", 1),
        (refusal("no", 404), "RefusedRequestError", 1),
        (refusal("Read timed out"), "BrokerUnavailableError", 1),
        (refusal("no", 500), "BrokerUnavailableError", 3),
        (say("<html>", 502), "BrokerUnavailableError", 3),
        (say("slow down", 429), "RateLimitedError", 3),
        (refusal("Too many requests, try again later"), "RateLimitedError", 1),
        (hang, "BrokerUnavailableError", 3),
        (reset, "BrokerUnavailableError", 3),
    ],
)
def test_a_failed_read_is_never_an_empty_book(step: Any, kind: Any, sends: Any) -> None:
    fetch, script, _ = AUTOTRADER.play(holdings, step)
    assert (fetch.outcome, fetch.error_kind, fetch.rows) == (Outcome.FAILED, kind, ())
    assert len(script.asked) == sends
    assert KEY not in fetch.error
    assert bool(fetch.payload) is bool(fetch.payload_hash)


def test_a_read_recovers_after_a_server_error() -> None:
    fetch, script, _ = AUTOTRADER.play(holdings, say("oops", 500), reset, result([HOLDING]))
    assert (fetch.outcome, len(script.asked)) == (Outcome.COMPLETE, 3)


def test_a_refusal_is_told_in_its_words() -> None:
    fetch, _, _ = AUTOTRADER.play(holdings, refusal("No such\npseudo account"))
    assert fetch.error == "AUTOTRADER holdings: No such pseudo account (HTTP 200)"
    fetch, _, _ = AUTOTRADER.play(holdings, say('{"status": false, "error": "No such platform"}'))
    assert "No such platform" in fetch.error


def test_a_key_too_short_to_be_struck_out_of_answers_is_not_told_either() -> None:
    stage = Stage("AUTOTRADER", {"api_key": "k3y"})
    fetch, _, _ = stage.play(holdings, refusal("Invalid API key k3y"))
    assert "Invalid API key *** (HTTP 200)" in fetch.error


def test_an_ended_session_says_what_to_do() -> None:
    fetch, _, _ = AUTOTRADER.play(holdings, refusal("no", 403))
    assert "ORG/A1" in fetch.error
    assert "tradesync accounts add" in fetch.error


def test_a_book_without_one_readable_row_is_partial() -> None:
    fetch, _, _ = AUTOTRADER.play(holdings, result([{"id": "7", "isin": "x" * 9000}, 7]))
    assert (fetch.outcome, fetch.rows, fetch.error_kind) == (
        Outcome.PARTIAL, (), "ValueRefusedError",
    )  # fmt: skip
    assert [len(item.raw) for item in fetch.rejects] == [4096, 1]


def test_profile_is_the_smallest_book_and_the_name_asked_with() -> None:
    found, script, _ = AUTOTRADER.play(
        lambda client: client.profile(), result([{"category": "EQUITY"}])
    )
    assert found == {"user_id": "A1", "user_name": "A1"}
    (asked,) = script.asked
    assert (asked.method, asked.path) == ("GET", "/trading/readPlatformMargins")
    assert asked.query == {"pseudoAccount": "A1"}
    raised, _ = AUTOTRADER.failing(lambda client: client.profile(), result(None))
    assert isinstance(raised, errors.UnreadableAnswerError)


def test_the_limits_and_the_address_are_autotraders() -> None:
    limits = AutoTraderClient.WINDOWS
    assert limits == (Window(60, 5.0), Window(120, 60.0), Window(300, 300.0))
    assert BASE_URL == "https://apix.stocksdeveloper.in"


def test_requests_wait_for_their_turn_by_those_limits() -> None:
    async def often(client: AutoTraderClient) -> None:
        for _ in range(61):
            await client.profile()

    _, script, clock = AUTOTRADER.play(often, result([]))
    assert len(script.asked) == 61
    assert [4.5 < seconds < 5.5 for seconds in clock.slept] == [True]
