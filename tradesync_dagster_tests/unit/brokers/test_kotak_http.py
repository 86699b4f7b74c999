"""How the Kotak adapter takes answers, against a real HTTP server that misbehaves on script."""

import hashlib
import json
from collections.abc import Awaitable
from datetime import date
from typing import Any

import pytest

from tradesync_dagster.brokers.kotak import KotakClient
from tradesync_dagster.brokers.limits import Window
from tradesync_dagster.domain import errors
from tradesync_dagster.domain.answers import Fetch, Outcome
from tradesync_dagster_tests.support.scripted import Stage, say
from tradesync_dagster_tests.support.wire import Step, hang, reset

KEY, TOKEN, SID = "appk3yk3y", "tokt0kt0k", "sids1ds1d"
SECRETS = {"api_key": KEY, "access_token": TOKEN, "sid": SID}
KOTAK = Stage("KOTAK", SECRETS)
TRADE = {
    "exSeg": "nse_cm", "trdSym": "ITC-EQ", "prod": "CNC", "trnsTp": "B", "avgPrc": "401.05",
    "fldQty": 3, "flId": "77001", "flDt": "03-Nov-2025", "flTm": "10:15:01",
    "nOrdNo": "251103000000011",
}  # fmt: skip
EMPTY = {"stat": "Not_Ok", "errMsg": "No Data", "stCode": 5203, "tid": "server4_39"}


def answer(body: Any, status: int = 200) -> Step:
    return say(json.dumps(body), status)


def rows(*found: Any) -> Step:
    return answer({"stat": "Ok", "stCode": 200, "data": list(found)})


def no(code: Any, status: int = 200, words: str = f"bad {TOKEN}", name: str = "errMsg") -> Step:
    return answer({"stat": "Not_Ok", name: words, "stCode": code}, status)


def problem(code: str, status: int = 400) -> Step:
    return answer({"error": [{"code": code, "message": f"bad {TOKEN}"}]}, status)


def trades(client: KotakClient) -> Awaitable[Fetch]:
    return client.trades()


def holdings(client: KotakClient) -> Awaitable[Fetch]:
    return client.holdings()


def test_a_book_is_asked_for_and_kept() -> None:
    fetch, script, _ = KOTAK.play(trades, rows(TRADE))
    assert (fetch.outcome, len(fetch.rows)) == (Outcome.COMPLETE, 1)
    assert (fetch.kind, fetch.error, fetch.error_kind, fetch.rejects) == ("trades", "", "", ())
    assert fetch.trade_date == date(2025, 11, 4)
    assert fetch.payload_hash == hashlib.sha256(fetch.payload).hexdigest()
    (asked,) = script.asked
    assert (asked.method, asked.path, asked.query, asked.body) == (
        "GET", "/quick/user/trades", {}, b"",
    )  # fmt: skip
    sent = {name: asked.headers.get(name) for name in ("Auth", "Sid", "neo-fin-key")}
    assert sent == {"Auth": TOKEN, "Sid": SID, "neo-fin-key": "neotradeapi"}
    assert "Authorization" not in asked.headers


@pytest.mark.parametrize(
    ("ask", "path"),
    [
        (lambda client: client.orders(), "/quick/user/orders"),
        (lambda client: client.trades(), "/quick/user/trades"),
        (lambda client: client.positions(), "/quick/user/positions"),
        (lambda client: client.holdings(), "/portfolio/v1/holdings"),
    ],
)
@pytest.mark.parametrize("step", [rows(), answer(EMPTY), answer(EMPTY, 400), answer(EMPTY, 424)])
def test_an_empty_book_is_complete_and_empty(ask: Any, path: Any, step: Any) -> None:
    fetch, script, _ = KOTAK.play(ask, step)
    assert (fetch.outcome, fetch.rows, fetch.rejects) == (Outcome.COMPLETE, (), ())
    assert [(asked.method, asked.path) for asked in script.asked] == [("GET", path)]


@pytest.mark.parametrize(
    "step",
    [
        answer(EMPTY | {"stat": "Ok"}),
        answer(EMPTY | {"stCode": 5202}),
        answer(EMPTY | {"stCode": "52030"}),
        answer(EMPTY | {"data": [TRADE]}),
        answer(EMPTY, 403),
        answer(EMPTY, 429),
        answer(EMPTY, 500),
        answer(EMPTY, 302),
        answer({name: EMPTY[name] for name in ("errMsg", "stCode")}),
        answer({"data": EMPTY}),
        answer({"error": [{"code": "5203", "message": "No Data"}]}),
    ],
)
@pytest.mark.parametrize("book", [trades, holdings])
def test_only_that_code_and_word_are_an_empty_book(book: Any, step: Step) -> None:
    fetch, _, _ = KOTAK.play(book, step)
    assert (fetch.outcome, fetch.rows) == (Outcome.FAILED, ())


@pytest.mark.parametrize(
    ("step", "kind", "sends"),
    [
        (say(f"<html>{TOKEN} login</html>", kind="text/html"), "UnreadableAnswerError", 1),
        (say('{"stat": "Ok", "stCode": 200, "data": [{"nOrd'), "UnreadableAnswerError", 1),
        (say('{"stat": "Ok", "stCode": 200, "data": NaN}'), "UnreadableAnswerError", 1),
        (say(b""), "UnreadableAnswerError", 1),
        (say("x" * 200_000), "UnreadableAnswerError", 1),
        (answer({"stat": "Ok", "stCode": 200, "data": None}), "UnreadableAnswerError", 1),
        (answer({"stat": "Ok", "stCode": 200, "data": {}}), "UnreadableAnswerError", 1),
        (answer({"stat": "Ok", "stCode": 200}), "UnreadableAnswerError", 1),
        (answer({"stat": "Ok", "stCode": 500, "data": []}), "RefusedRequestError", 1),
        (answer({"stat": "Maybe", "data": []}), "UnreadableAnswerError", 1),
        (answer({"stCode": 200, "data": []}), "UnreadableAnswerError", 1),
        (answer({"stat": "Not_Ok", "stCode": 200, "data": []}), "UnreadableAnswerError", 1),
        (answer([]), "UnreadableAnswerError", 1),
        (answer({"data": None}), "UnreadableAnswerError", 1),
        (answer({"data": [], "error": []}), "UnreadableAnswerError", 1),
        (say("", 302, Location="/other"), "UnreadableAnswerError", 1),
        (no(100022, 403), "SessionExpiredError", 1),
        (no(100022), "SessionExpiredError", 1),
        (no(1003, name="emsg"), "SessionExpiredError", 1),
        (no(100021), "SessionExpiredError", 1),
        (answer({"data": {"stCode": 100022, "errMsg": "x", "stat": "error in a check"}}),
         "SessionExpiredError", 1),
        (answer({"code": "900901", "message": "Invalid Credentials"}), "SessionExpiredError", 1),
        (say("denied", 401), "SessionExpiredError", 1),
        (say("denied", 403), "SessionExpiredError", 1),
        (no(100008), "RefusedRequestError", 1),
        (no(5202), "RefusedRequestError", 1),
        (no(5204), "RefusedRequestError", 1),
        (problem("91400"), "RefusedRequestError", 1),
        (say("gone", 404), "RefusedRequestError", 1),
        (no(1005), "BrokerUnavailableError", 1),
        (say("no dependency", 424), "RefusedRequestError", 1),
        (answer({"stat": "Not_Ok", "stCode": "424", "errMsg": "x"}), "BrokerUnavailableError", 1),
        (no(1005, 500), "BrokerUnavailableError", 3),
        (say("<html>", 502), "BrokerUnavailableError", 3),
        (no(429, 429), "RateLimitedError", 3),
        (answer({"code": 429, "error": "Rate limit exceeded", "message": "too many"}),
         "RateLimitedError", 1),
        (answer({"fault": {"code": 900807, "message": "Request quota reached"}}),
         "RateLimitedError", 1),
        (hang, "BrokerUnavailableError", 3),
        (reset, "BrokerUnavailableError", 3),
    ],
)  # fmt: skip
def test_a_failed_read_is_never_an_empty_book(step: Any, kind: Any, sends: Any) -> None:
    fetch, script, _ = KOTAK.play(trades, step)
    assert (fetch.outcome, fetch.error_kind, fetch.rows) == (Outcome.FAILED, kind, ())
    assert len(script.asked) == sends
    assert not any(secret in fetch.error for secret in SECRETS.values())
    assert bool(fetch.payload) is bool(fetch.payload_hash)


def test_only_holdings_come_without_status_words() -> None:
    held = {"exchangeSegment": "nse_cm", "symbol": "ITC", "quantity": 1, "averagePrice": 1,
            "closingPrice": 1}  # fmt: skip
    fetch, _, _ = KOTAK.play(holdings, answer({"data": [held]}))
    assert (fetch.outcome, len(fetch.rows)) == (Outcome.COMPLETE, 1)
    fetch, _, _ = KOTAK.play(trades, answer({"data": [TRADE]}))
    assert fetch.outcome is Outcome.FAILED
    fetch, _, _ = KOTAK.play(holdings, answer({"data": [held], "stat": "Not_Ok"}))
    assert fetch.outcome is Outcome.FAILED


def test_a_read_recovers_after_a_server_error() -> None:
    fetch, script, _ = KOTAK.play(trades, say("oops", 500), reset, rows(TRADE))
    assert (fetch.outcome, len(script.asked)) == (Outcome.COMPLETE, 3)


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (no(5204, words="Bad Input"), "Bad Input (5204, HTTP 200)"),
        (no(5204, words="Bad Input", name="emsg"), "Bad Input (5204, HTTP 200)"),
        (problem("91400"), "bad *** (91400, HTTP 400)"),
        (no(100008, words="unauthorized"), "address may not be registered"),
        (no(100022), "ORG/A1"),
        (no(100022), "access_token and sid with `tradesync accounts add`"),
        (say("no", 404), "no reason given (no error code, HTTP 404)"),
    ],
)
def test_the_brokers_words_are_told(step: Step, told: str) -> None:
    fetch, _, _ = KOTAK.play(trades, step)
    assert told in fetch.error


def test_a_book_without_one_readable_row_is_partial() -> None:
    fetch, _, _ = KOTAK.play(trades, rows({"flId": "x" * 9000}, 7))
    assert (fetch.outcome, fetch.rows, fetch.error_kind) == (
        Outcome.PARTIAL, (), "ValueRefusedError",
    )  # fmt: skip
    assert [len(item.raw) for item in fetch.rejects] == [4096, 1]


def test_the_funds_tell_whose_session_it_is() -> None:
    funds = {"stat": "Ok", "stCode": 200, "EntityId": "account-AB1", "Net": "10.00"}
    found, script, _ = KOTAK.play(lambda client: client.profile(), answer(funds))
    assert found == {"user_id": "AB1", "user_name": ""}
    (asked,) = script.asked
    assert (asked.method, asked.path) == ("POST", "/quick/user/limits")
    assert asked.body == b"jData=%7B%22seg%22%3A+%22ALL%22%2C+%22exch%22%3A+%22ALL%22%2C+" \
                         b"%22prod%22%3A+%22ALL%22%7D"  # fmt: skip


@pytest.mark.parametrize(
    ("step", "kind", "sends"),
    [
        (answer({"stat": "Ok", "stCode": 200}), errors.UnreadableAnswerError, 1),
        (answer({"stat": "Ok", "stCode": 200, "EntityId": None}), errors.UnreadableAnswerError, 1),
        (answer(EMPTY), errors.RefusedRequestError, 1),
        (no(1003), errors.SessionExpiredError, 1),
        (say("oops", 503), errors.BrokerUnavailableError, 3),
    ],
)
def test_a_session_that_does_not_stand_is_told(step: Any, kind: Any, sends: int) -> None:
    raised, script = KOTAK.failing(lambda client: client.profile(), step)
    assert type(raised) is kind
    assert len(script.asked) == sends


def test_the_limits_are_kotaks() -> None:
    assert list(KotakClient.WINDOWS) == [Window(10, 1.0, writes=True), Window(25, 1.0)]
