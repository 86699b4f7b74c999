"""Orders placed, changed and cancelled at Kotak over real HTTP, each sent once."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest

from tradesync_dagster.domain import errors
from tradesync_dagster.domain.answers import OrderRequest
from tradesync_dagster_tests.support.scripted import Asked, Stage, say
from tradesync_dagster_tests.support.wire import Step, hang, reset

KOTAK = Stage("KOTAK", {"api_key": "appk3yk3y", "access_token": "tokt0kt0k", "sid": "sids1ds1d"})
REQUEST = OrderRequest("NSE", "ITC", "CNC", "BUY", "LIMIT", 5, 401_050_000, tag="ts1")
ROW = {
    "nOrdNo": "9", "exSeg": "nse_cm", "trdSym": "ITC-EQ", "prod": "CNC", "trnsTp": "B",
    "prcTp": "SL", "vldt": "DAY", "ordSt": "trigger pending", "qty": 5, "fldQty": 0, "unFldSz": 5,
    "cnlQty": 0, "dscQty": 2, "prc": "401.05", "trgPrc": "400.50", "avgPrc": "0.00",
    "ordDtTm": "03-Nov-2025 09:20:11",
}  # fmt: skip
WAITING = ROW | {"ordSt": "after market order req received"}
DONE = say('{"stat": "Ok", "nOrdNo": "9", "stCode": 200}')


def answer(body: Any, status: int = 200) -> Step:
    return say(json.dumps(body), status)


def book(*rows: Any) -> Step:
    return answer({"stat": "Ok", "stCode": 200, "data": [ROW | {"nOrdNo": "8"}, 7, *rows]})


def no(code: Any, status: int = 200, words: str = "bad tokt0kt0k") -> Step:
    return answer({"stat": "Not_Ok", "errMsg": words, "stCode": code}, status)


def fields(asked: Asked) -> dict[str, str]:
    ((name, (text,)),) = parse_qs(asked.body.decode(), strict_parsing=True).items()
    assert name == "jData"
    found: dict[str, str] = json.loads(text)
    assert all(isinstance(value, str) for value in found.values())
    return found


def place(client: Any) -> Any:
    return client.place(REQUEST)


def modify(client: Any) -> Any:
    return client.modify("9", {"quantity": "6"}, "regular")


def cancel(client: Any) -> Any:
    return client.cancel("9", "regular")


def cancel_waiting(client: Any) -> Any:
    return client.cancel("9", "amo")


def test_a_placement_sends_exact_texts() -> None:
    order_id, script, _ = KOTAK.play(place, DONE)
    (asked,) = script.asked
    assert (order_id, asked.method, asked.path) == ("9", "POST", "/quick/order/rule/ms/place")
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    sent = [asked.headers[name] for name in ("Authorization", "Auth", "Sid", "neo-fin-key")]
    assert sent == ["appk3yk3y", "tokt0kt0k", "sids1ds1d", "neotradeapi"]
    assert fields(asked) == {
        "am": "NO", "dq": "0", "es": "nse_cm", "mp": "0", "pc": "CNC", "pr": "401.05", "pt": "L",
        "qt": "5", "rt": "DAY", "tp": "0", "ts": "ITC-EQ", "tt": "B", "ig": "ts1",
        "os": "NEOTRADEAPI",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "sent"),
    [
        ({"product": "MIS"}, {"pc": "MIS"}),
        ({"product": "MTF"}, {"pc": "MTF"}),
        ({"variety": "amo"}, {"am": "YES"}),
        ({"side": "SELL"}, {"tt": "S"}),
        ({"validity": "IOC"}, {"rt": "IOC"}),
        ({"order_type": "MARKET"}, {"pt": "MKT", "pr": "0", "tp": "0"}),
        ({"order_type": "SL", "trigger_price": 400_500_000},
         {"pt": "SL", "pr": "401.05", "tp": "400.50"}),
        ({"order_type": "SL-M", "trigger_price": 400_500_000},
         {"pt": "SL-M", "pr": "0", "tp": "400.50"}),
        ({"price": 1_000_001}, {"pr": "1.000001"}),
        ({"symbol": "M&M"}, {"ts": "M&M-EQ"}),
        ({"symbol": "BAJAJ-AUTO"}, {"ts": "BAJAJ-AUTO-EQ"}),
        ({"symbol": "ITC-BE"}, {"ts": "ITC-BE"}),
        ({"exchange": "BSE"}, {"es": "bse_cm", "ts": "ITC"}),
        ({"exchange": "NFO", "symbol": "NIFTY26JANFUT", "product": "NRML"},
         {"es": "nse_fo", "ts": "NIFTY26JANFUT", "pc": "NRML"}),
        ({"exchange": "BFO"}, {"es": "bse_fo"}),
        ({"exchange": "CDS"}, {"es": "cde_fo"}),
        ({"exchange": "MCX"}, {"es": "mcx_fo"}),
    ],
)  # fmt: skip
def test_our_words_become_kotaks(change: Any, sent: dict[str, str]) -> None:
    _, script, _ = KOTAK.play(lambda client: client.place(replace(REQUEST, **change)), DONE)
    found = fields(script.asked[0])
    assert {name: found[name] for name in sent} == sent


def test_without_a_tag_none_is_sent() -> None:
    _, script, _ = KOTAK.play(lambda client: client.place(replace(REQUEST, tag="")), DONE)
    assert "ig" not in fields(script.asked[0])


@pytest.mark.parametrize(
    "change",
    [
        {"variety": "co"}, {"product": "BO"}, {"exchange": "NCDEX"}, {"validity": "TTL"},
        {"order_type": "ICEBERG"}, {"price": 0}, {"order_type": "SL"}, {"order_type": "SL-M"},
        {"order_type": "SL", "price": 0, "trigger_price": 1}, {"price": -1},
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for_is_not_sent(change: Any) -> None:
    raised, script = KOTAK.failing(lambda client: client.place(replace(REQUEST, **change)), DONE)
    assert type(raised) is errors.RefusedRequestError
    assert script.asked == []


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (hang, errors.BrokerUnavailableError),
        (reset, errors.BrokerUnavailableError),
        (say("oops", 502), errors.BrokerUnavailableError),
        (no(1005), errors.BrokerUnavailableError),
        (say("<html>"), errors.UnreadableAnswerError),
        (answer({}), errors.UnreadableAnswerError),
        (answer({"stat": "Ok", "stCode": 200}), errors.UnreadableAnswerError),
        (answer({"stat": "Ok", "stCode": 200, "nOrdNo": ""}), errors.UnreadableAnswerError),
        (answer({"stCode": 200, "nOrdNo": "9"}), errors.UnreadableAnswerError),
        (answer({"stat": "Not_Ok", "nOrdNo": "9"}), errors.UnreadableAnswerError),
        (no(5204, words="Put Order Response : Client OrderID already exists"),
         errors.UnreadableAnswerError),
        (no(32, words="error from core"), errors.UnreadableAnswerError),
        (no(429, 429), errors.RateLimitedError),
        (no(5204, words="Put Order Response : Bad Input"), errors.OrderRejectedError),
        (no(1004), errors.OrderRejectedError),
        (answer({"stCode": 1021, "errMsg": "order is completed", "stat": "please ..."}),
         errors.OrderRejectedError),
        (answer({"error": [{"code": "91400", "message": "x"}]}, 400), errors.RefusedRequestError),
        (no(1009), errors.RefusedRequestError),
        (no(5203), errors.RefusedRequestError),
        (no(100008), errors.RefusedRequestError),
        (no(100022), errors.SessionExpiredError),
        (no(100022, 403), errors.SessionExpiredError),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("write", "before"),
    [(place, []), (modify, [book(ROW)]), (cancel, []), (cancel_waiting, [book(WAITING)])],
)
def test_writes_are_sent_once(write: Any, before: Any, step: Any, kind: Any) -> None:
    raised, script = KOTAK.failing(write, *before, step)
    assert type(raised) is kind
    assert [asked.method for asked in script.asked] == ["GET"] * len(before) + ["POST"]
    assert getattr(raised, "sent", True)
    told = "it may have been carried out" in str(raised)
    assert told is (kind is errors.BrokerUnavailableError)


def test_a_rejection_brings_the_brokers_words_and_amounts() -> None:
    words = "RMS:Margin Exceeds,Cash Available:100.50,Additional margin required:20.25 for entity"
    raised, _ = KOTAK.failing(place, no(1004, words=words))
    assert isinstance(raised, errors.OrderRejectedError)
    assert (raised.reason, raised.available, raised.shortfall) == (words, 100_500_000, 20_250_000)


@pytest.mark.parametrize(
    ("changes", "row", "sent"),
    [
        ({"quantity": "6"}, ROW, {"qt": "6", "pr": "401.05", "tp": "400.50", "pt": "SL"}),
        ({"price": "402"}, ROW, {"qt": "5", "pr": "402.00", "dq": "2"}),
        ({"trigger_price": "399.95"}, ROW, {"tp": "399.95"}),
        ({"disclosed_quantity": "0"}, ROW, {"dq": "0"}),
        ({"validity": "IOC"}, ROW, {"vd": "IOC"}),
        ({"order_type": "LIMIT"}, ROW, {"pt": "L", "pr": "401.05", "tp": "0"}),
        ({"order_type": "MARKET"}, ROW, {"pt": "MKT", "pr": "0", "tp": "0"}),
        ({"quantity": "6"}, WAITING, {"am": "YES"}),
        ({"quantity": "6"}, ROW, {"am": "NO", "mp": "0", "no": "9", "vd": "DAY"}),
    ],
)
def test_a_change_tells_the_terms_that_stay_too(changes: Any, row: Any, sent: Any) -> None:
    order_id, script, _ = KOTAK.play(
        lambda client: client.modify("9", changes, "regular"), book(row), DONE
    )
    looked, changed = script.asked
    assert (looked.method, looked.path) == ("GET", "/quick/user/orders")
    assert (order_id, changed.path) == ("9", "/quick/order/vr/modify")
    found = fields(changed)
    assert {name: found[name] for name in sent} == sent


@pytest.mark.parametrize(
    ("order_id", "changes", "row"),
    [
        ("9", {"price": "x"}, ROW),
        ("9", {"quantity": "1.5"}, ROW),
        ("9", {"product": "MIS"}, ROW),
        ("9", {"order_type": "SL-M", "trigger_price": "0"}, ROW),
        ("9", {"quantity": "6"}, ROW | {"qty": "many"}),
        ("7", {"quantity": "6"}, ROW),
        ("9&x=1", {"quantity": "6"}, ROW),
    ],
)
def test_a_wrong_change_is_not_sent(order_id: str, changes: Any, row: Any) -> None:
    raised, script = KOTAK.failing(lambda client: client.modify(order_id, changes, ""), book(row))
    assert type(raised) is errors.RefusedRequestError
    assert "POST" not in [asked.method for asked in script.asked]


@pytest.mark.parametrize("write", [modify, cancel_waiting])
@pytest.mark.parametrize(
    "step", [say("oops", 502), reset, say("<html>"), answer({"stat": "Ok", "data": None})]
)
def test_a_failed_look_before_a_write_says_that_nothing_was_sent(write: Any, step: Step) -> None:
    raised, script = KOTAK.failing(write, step)
    assert isinstance(raised, errors.BrokerUnavailableError)
    assert not raised.sent
    assert "nothing was sent" in str(raised)
    assert {asked.method for asked in script.asked} == {"GET"}


def test_a_cancellation() -> None:
    order_id, script, _ = KOTAK.play(cancel, DONE)
    (asked,) = script.asked
    assert (order_id, asked.method, asked.path) == ("9", "POST", "/quick/order/cancel")
    assert fields(asked) == {"on": "9", "am": "NO"}


@pytest.mark.parametrize(
    ("row", "sent"),
    [(WAITING, {"on": "9", "am": "YES", "ts": "ITC-EQ"}), (ROW, {"on": "9", "am": "NO"})],
)
def test_an_order_that_waits_for_the_market_is_named_by_its_symbol_too(row: Any, sent: Any) -> None:
    _, script, _ = KOTAK.play(cancel_waiting, book(row), DONE)
    assert fields(script.asked[1]) == sent
