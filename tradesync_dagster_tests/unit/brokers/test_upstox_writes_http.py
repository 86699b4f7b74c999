"""Orders placed, changed and cancelled at Upstox over real HTTP, each sent once."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from yarl import URL

from tradesync_dagster.brokers.calls import Call
from tradesync_dagster.brokers.upstox import UpstoxClient
from tradesync_dagster.domain import errors
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import OrderRequest
from tradesync_dagster_tests.support.scripted import FakeClock, Stage, data, say
from tradesync_dagster_tests.support.wire import Step, hang, reset

UPSTOX = Stage("UPSTOX", {"access_token": "tokt0kt0k"})
REQUEST = OrderRequest("NSE", "ITC", "CNC", "BUY", "LIMIT", 5, 401_050_000, tag="ts1")
ITC = {"segment": "NSE_EQ", "trading_symbol": "ITC", "instrument_key": "NSE_EQ|INE154A01025"}
FOUND = data(
    [
        ITC | {"trading_symbol": "ITCHOTELS", "instrument_key": "NSE_EQ|INE379A01028"},
        {"segment": "BSE_EQ", "trading_symbol": "ITC", "instrument_key": "BSE_EQ|INE154A01025"},
        ITC,
        7,
    ]
)  # fmt: skip
DETAILS = data(
    {"order_type": "SL", "validity": "DAY", "price": 401.05, "trigger_price": 400.5, "quantity": 5}
)
PLACED = data({"order_ids": ["9"]})


def error(code: str, status: int) -> Step:
    body = {"status": "error", "errors": [{"error_code": code, "message": "bad tokt0kt0k"}]}
    return say(json.dumps(body), status)


def place(client: Any) -> Any:
    return client.place(REQUEST)


def modify(client: Any) -> Any:
    return client.modify("9", {"quantity": "6"}, "regular")


def cancel(client: Any) -> Any:
    return client.cancel("9", "regular")


def test_a_placement_looks_the_instrument_up_and_sends_exact_numbers() -> None:
    order_id, script, _ = UPSTOX.play(place, FOUND, PLACED)
    looked, placed = script.asked
    assert (looked.method, looked.path) == ("GET", "/v2/instruments/search")
    assert looked.query == {"query": "ITC", "exchanges": "NSE", "segments": "EQ", "records": "30"}
    assert (order_id, placed.method, placed.path) == ("9", "POST", "/v3/order/place")
    assert placed.headers["Content-Type"] == "application/json"
    assert b'"price": 401.05,' in placed.body
    assert json.loads(placed.body) == {
        "instrument_token": "NSE_EQ|INE154A01025", "transaction_type": "BUY", "quantity": 5,
        "product": "D", "order_type": "LIMIT", "validity": "DAY", "price": 401.05,
        "trigger_price": 0, "disclosed_quantity": 0, "is_amo": False, "slice": False, "tag": "ts1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "field", "sent"),
    [
        ({"product": "MIS"}, "product", "I"),
        ({"product": "NRML"}, "product", "D"),
        ({"product": "MTF"}, "product", "MTF"),
        ({"variety": "amo"}, "is_amo", True),
        ({"trigger_price": 400_500_000}, "trigger_price", 400.5),
        ({"price": 1_000_001}, "price", 1.000001),
        ({"side": "SELL"}, "transaction_type", "SELL"),
        ({"validity": "IOC"}, "validity", "IOC"),
    ],
)
def test_our_words_become_upstox(change: Any, field: str, sent: object) -> None:
    wanted = replace(REQUEST, **change)
    _, script, _ = UPSTOX.play(lambda client: client.place(wanted), FOUND, PLACED)
    assert json.loads(script.asked[1].body)[field] == sent


@pytest.mark.parametrize(
    ("symbol", "exchange", "query"),
    [
        ("M&M", "BSE", {"query": "M&M", "exchanges": "BSE", "segments": "EQ"}),
        ("NIFTY25NOVFUT", "NFO", {"query": "NIFTY25NOVFUT", "exchanges": "NSE", "segments": "FO"}),
        ("GOLD25DECFUT", "MCX", {"query": "GOLD25DECFUT", "exchanges": "MCX", "segments": "COMM"}),
    ],
)
def test_the_search_is_narrowed(symbol: str, exchange: str, query: Any) -> None:
    wanted = replace(REQUEST, symbol=symbol, exchange=exchange)
    _, script = UPSTOX.failing(lambda client: client.place(wanted), data([]))
    assert script.asked[0].query == query | {"records": "30"}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"variety": "co"}, FOUND),
        ({"product": "CO"}, FOUND),
        ({"exchange": "NCDEX"}, FOUND),
        ({"symbol": "IT"}, FOUND),
        ({"price": 2**62 + 1}, FOUND),
        ({}, data([])),
        ({}, data([ITC, ITC | {"instrument_key": "NSE_EQ|INE000A01010"}])),
        ({}, data([{"segment": "NSE_EQ", "trading_symbol": "ITC"}])),
    ],
)
def test_what_cannot_be_asked_for_is_not_sent(change: Any, found: Step) -> None:
    wanted = replace(REQUEST, **change)
    raised, script = UPSTOX.failing(lambda client: client.place(wanted), found, PLACED)
    assert type(raised) is errors.RefusedRequestError
    assert "POST" not in [asked.method for asked in script.asked]


@pytest.mark.parametrize("write", [place, modify])
@pytest.mark.parametrize("step", [say("oops", 502), reset, say("<html>"), data(None)])
def test_a_failed_look_before_a_write_says_that_nothing_was_sent(write: Any, step: Step) -> None:
    raised, script = UPSTOX.failing(write, step)
    assert isinstance(raised, errors.BrokerUnavailableError)
    assert not raised.sent
    assert "nothing was sent" in str(raised)
    assert {asked.method for asked in script.asked} == {"GET"}


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (hang, errors.BrokerUnavailableError),
        (reset, errors.BrokerUnavailableError),
        (say("oops", 502), errors.BrokerUnavailableError),
        (error("UDAPI100500", 500), errors.BrokerUnavailableError),
        (say("<html>"), errors.UnreadableAnswerError),
        (data({}), errors.UnreadableAnswerError),
        (data(None), errors.UnreadableAnswerError),
        (data({"order_ids": []}), errors.UnreadableAnswerError),
        (data({"order_ids": ["1", "2"]}), errors.UnreadableAnswerError),
        (say('{"status": "partial_success", "data": {"order_ids": ["1"], "order_id": "1"}}'),
         errors.UnreadableAnswerError),
        (error("UDAPI10005", 429), errors.RateLimitedError),
        (error("UDAPI100040", 400), errors.OrderRejectedError),
        (error("UDAPI100041", 400), errors.OrderRejectedError),
        (error("UDAPI100057", 400), errors.OrderRejectedError),
        (error("UDAPI100010", 404), errors.RefusedRequestError),
        (error("UDAPI1052", 400), errors.RefusedRequestError),
        (error("UDAPI100050", 401), errors.SessionExpiredError),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("write", "before"), [(place, [FOUND]), (modify, [DETAILS]), (cancel, [])])
def test_writes_are_sent_once(write: Any, before: Any, step: Any, kind: Any) -> None:
    raised, script = UPSTOX.failing(write, *before, step)
    assert type(raised) is kind
    assert len(script.asked) == len(before) + 1
    assert script.asked[-1].method != "GET"
    assert getattr(raised, "sent", True)
    told = "it may have been carried out" in str(raised)
    assert told is (kind is errors.BrokerUnavailableError)


def test_a_rejection_brings_the_brokers_words_and_amounts() -> None:
    body = {"status": "error", "errors": [
        {"errorCode": "UDAPI100039", "message": "You need to add Rs. 1,000.50 in your account"},
    ]}  # fmt: skip
    raised, _ = UPSTOX.failing(place, FOUND, say(json.dumps(body), 400))
    assert isinstance(raised, errors.OrderRejectedError)
    assert raised.reason == "You need to add Rs. 1,000.50 in your account"
    assert raised.shortfall == 1_000_500_000


@pytest.mark.parametrize(
    ("words", "amounts"),
    [
        ("Required margin is 95417.84 but available margin is 74251.80.", (95417, 74251, 21166)),
        ("You need to add Rs. 42.00 in your account to place this order.", (None, None, 42)),
    ],
)
def test_words_about_money_are_a_rejection_whatever_their_code(words: str, amounts: Any) -> None:
    """Upstox publishes no code for lack of funds, so what it says has to tell."""
    problem = {"error_code": "UDAPI100036", "message": words}
    step = say(json.dumps({"status": "error", "errors": [problem]}), 400)
    failure, _ = UPSTOX.failing(place, FOUND, step)
    assert isinstance(failure, errors.OrderRejectedError)
    found = (failure.required, failure.available, failure.shortfall)
    assert tuple(None if one is None else one // 1_000_000 for one in found) == amounts
    assert failure.reason == words
    read, _ = UPSTOX.failing(lambda client: client.profile(), step)
    assert isinstance(read, errors.RefusedRequestError)


@pytest.mark.parametrize(
    ("changes", "sent"),
    [
        ({"quantity": "6"}, {"order_type": "SL", "price": 401.05, "trigger_price": 400.5,
                             "quantity": 6}),
        ({"price": "402.10"}, {"order_type": "SL", "price": 402.1, "trigger_price": 400.5}),
        ({"order_type": "MARKET"}, {"order_type": "MARKET", "price": 0, "trigger_price": 0}),
        ({"order_type": "LIMIT"}, {"order_type": "LIMIT", "price": 401.05, "trigger_price": 0}),
        ({"order_type": "SL-M"}, {"order_type": "SL-M", "price": 0, "trigger_price": 400.5}),
    ],
)  # fmt: skip
def test_a_change_tells_the_terms_that_stay_too(changes: Any, sent: Any) -> None:
    order_id, script, _ = UPSTOX.play(
        lambda client: client.modify("9", changes, "regular"), DETAILS, data({"order_id": "9"})
    )
    looked, changed = script.asked
    assert (looked.path, looked.query) == ("/v2/order/details", {"order_id": "9"})
    assert (order_id, changed.method, changed.path) == ("9", "PUT", "/v3/order/modify")
    assert json.loads(changed.body) == {"order_id": "9", "validity": "DAY"} | sent


@pytest.mark.parametrize("changes", [{"price": "x"}, {"quantity": "1.5"}, {"product": "MIS"}])
def test_a_wrong_change_is_not_sent(changes: Any) -> None:
    raised, script = UPSTOX.failing(lambda client: client.modify("9", changes, ""), DETAILS)
    assert type(raised) is errors.RefusedRequestError
    assert "PUT" not in [asked.method for asked in script.asked]


class Listener:
    """A transport that only notes where it is sent."""

    def __init__(self) -> None:
        self.urls: list[str] = []

    async def request(self, call: Call) -> Any:
        self.urls.append(call.url)
        raise errors.BrokerUnavailableError(call.broker, call.endpoint, "nobody is there")


def test_orders_go_to_an_address_of_their_own() -> None:
    heard, account = Listener(), Account(1, "O", "A", "UPSTOX", credentials=UPSTOX.secrets)
    client = UpstoxClient(account, heard, FakeClock())  # type: ignore[arg-type]
    asyncio.run(client.orders())
    with pytest.raises(errors.BrokerUnavailableError):
        asyncio.run(client.cancel("9", "regular"))
    assert [URL(url).host for url in heard.urls] == ["api.upstox.com", "api-hft.upstox.com"]


def test_a_cancellation() -> None:
    order_id, script, _ = UPSTOX.play(cancel, data({"order_id": "9"}))
    (asked,) = script.asked
    assert (order_id, asked.method, asked.path) == ("9", "DELETE", "/v3/order/cancel")
    assert asked.query == {"order_id": "9"}


def test_odd_ids_are_not_sent() -> None:
    raised, script = UPSTOX.failing(lambda client: client.cancel("9&x=1", "regular"), data({}))
    assert isinstance(raised, errors.RefusedRequestError)
    assert script.asked == []
