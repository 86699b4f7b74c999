"""Orders placed, changed and cancelled through AutoTrader over real HTTP, each sent once."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tradesync_dagster.domain import errors
from tradesync_dagster.domain.answers import OrderRequest
from tradesync_dagster_tests.support.scripted import Stage, say
from tradesync_dagster_tests.support.wire import Step, hang, reset

AUTOTRADER = Stage("AUTOTRADER", {"api_key": "k3y0fth3d3sk"})
REQUEST = OrderRequest("NSE", "M&M", "CNC", "BUY", "LIMIT", 5, 401_050_000, tag="ts1")
PLAIN = {
    "pseudoAccount": "A1", "exchange": "NSE", "symbol": "M&M", "tradeType": "BUY",
    "orderType": "LIMIT", "productType": "DELIVERY", "quantity": "5", "price": "401.05",
    "triggerPrice": "0.00",
}  # fmt: skip
MORE = {
    "variety": "REGULAR", "validity": "DAY", "amo": "false", "disclosedQuantity": "0",
    "target": "0", "stoploss": "0", "trailingStoploss": "0",
}  # fmt: skip


def result(value: object) -> Step:
    return say(json.dumps({"result": value, "message": None, "status": True, "commandId": "c1"}))


def refusal(words: object, status: int = 200) -> Step:
    return say(json.dumps({"result": None, "message": words, "status": False}), status)


def sent(script: Any) -> tuple[str, str, dict[str, str]]:
    (asked,) = script.asked
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert asked.headers["api-key"] == "k3y0fth3d3sk"
    assert asked.query == {}
    return asked.method, asked.path, dict(parse_qsl(asked.body.decode(), strict_parsing=True))


def place(client: Any) -> Any:
    return client.place(REQUEST)


def modify(client: Any) -> Any:
    return client.modify("9", {"quantity": "6"}, "regular")


def cancel(client: Any) -> Any:
    return client.cancel("9", "regular")


def test_a_tag_goes_as_the_publisher_id_of_an_advanced_order() -> None:
    order_id, script, _ = AUTOTRADER.play(place, result("200622000325378"))
    assert order_id == "200622000325378"
    form = PLAIN | MORE | {"publisherId": "ts1"}
    assert sent(script) == ("POST", "/trading/placeAdvancedOrder", form)


def test_an_order_without_anything_special_is_a_regular_one() -> None:
    plain = replace(REQUEST, tag="")
    order_id, script, _ = AUTOTRADER.play(lambda client: client.place(plain), result(77))
    assert (order_id, *sent(script)) == ("77", "POST", "/trading/placeRegularOrder", PLAIN)


@pytest.mark.parametrize(
    ("change", "form"),
    [
        ({"product": "MIS"}, {"productType": "INTRADAY"}),
        ({"product": "NRML"}, {"productType": "NORMAL"}),
        ({"product": "MTF"}, {"productType": "MTF"}),
        ({"order_type": "MARKET", "price": 0}, {"orderType": "MARKET", "price": "0.00"}),
        ({"order_type": "SL"}, {"orderType": "STOP_LOSS"}),
        ({"order_type": "SL-M"}, {"orderType": "SL_MARKET"}),
        ({"trigger_price": 400_500_001}, {"triggerPrice": "400.500001"}),
        ({"side": "SELL"}, {"tradeType": "SELL"}),
        ({"validity": "IOC"}, {"validity": "IOC"}),
        ({"variety": "amo"}, {"amo": "true"}),
        ({"variety": "amo", "tag": ""}, {"amo": "true"}),
        ({"exchange": "BSE", "symbol": "ITC"}, {"exchange": "BSE", "symbol": "ITC"}),
    ],
)
def test_our_words_become_autotraders(change: Any, form: Any) -> None:
    wanted = replace(REQUEST, **change)
    _, script, _ = AUTOTRADER.play(lambda client: client.place(wanted), result("9"))
    tag = {"publisherId": wanted.tag} if wanted.tag else {}
    assert sent(script) == ("POST", "/trading/placeAdvancedOrder", PLAIN | MORE | tag | form)


@pytest.mark.parametrize("change", [{"product": "CO"}, {"order_type": "ICE"}, {"variety": "co"}])
def test_what_cannot_be_asked_for_is_not_sent(change: Any) -> None:
    wanted = replace(REQUEST, **change)
    raised, script = AUTOTRADER.failing(lambda client: client.place(wanted), result("9"))
    assert type(raised) is errors.RefusedRequestError
    assert next(iter(change.values())) in str(raised)
    assert script.asked == []


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (hang, errors.BrokerUnavailableError),
        (reset, errors.BrokerUnavailableError),
        (say("oops", 502), errors.BrokerUnavailableError),
        (refusal("no", 500), errors.BrokerUnavailableError),
        (refusal("Read timed out"), errors.BrokerUnavailableError),
        (refusal("Connection reset by the broker's server"), errors.BrokerUnavailableError),
        (refusal("An unexpected error occurred"), errors.BrokerUnavailableError),
        (say("<html>"), errors.UnreadableAnswerError),
        (result(None), errors.UnreadableAnswerError),
        (result([]), errors.UnreadableAnswerError),
        (result(""), errors.UnreadableAnswerError),
        (refusal(None), errors.UnreadableAnswerError),
        (say('{"result": "9", "message": null}'), errors.UnreadableAnswerError),
        (refusal("Insufficient funds"), errors.OrderRejectedError),
        (refusal("Markets are closed right now."), errors.OrderRejectedError),
        (refusal("slow down", 429), errors.RateLimitedError),
        (refusal("Too many requests"), errors.RateLimitedError),
        (refusal("no", 400), errors.RefusedRequestError),
        (refusal("no", 403), errors.SessionExpiredError),
        (refusal("Your session has expired"), errors.SessionExpiredError),
    ],
)
@pytest.mark.parametrize("write", [place, modify, cancel])
def test_writes_are_sent_once(write: Any, step: Any, kind: Any) -> None:
    raised, script = AUTOTRADER.failing(write, step)
    assert type(raised) is kind
    assert [asked.method for asked in script.asked] == ["POST"]
    assert getattr(raised, "sent", True)
    told = "it may have been carried out" in str(raised)
    assert told is (kind is errors.BrokerUnavailableError)


def test_a_rejection_brings_the_brokers_words_and_amounts() -> None:
    words = "You need to add Rs. 1,000.50 in your account"
    raised, _ = AUTOTRADER.failing(place, refusal(words))
    assert isinstance(raised, errors.OrderRejectedError)
    assert raised.reason == words
    assert raised.shortfall == 1_000_500_000


@pytest.mark.parametrize("write", [modify, cancel])
def test_a_change_that_was_not_done_is_a_rejection(write: Any) -> None:
    raised, _ = AUTOTRADER.failing(write, result(value=False))
    assert isinstance(raised, errors.OrderRejectedError)
    raised, _ = AUTOTRADER.failing(write, result("true"))
    assert isinstance(raised, errors.UnreadableAnswerError)


@pytest.mark.parametrize(
    ("changes", "form"),
    [
        ({"quantity": "6"}, {"quantity": "6"}),
        ({"price": "402.1"}, {"price": "402.10"}),
        ({"order_type": "SL", "trigger_price": "401"},
         {"orderType": "STOP_LOSS", "triggerPrice": "401.00"}),
        ({"order_type": "MARKET", "price": "0"}, {"orderType": "MARKET"}),
    ],
)  # fmt: skip
def test_a_change_tells_what_changes_and_no_more(changes: Any, form: Any) -> None:
    order_id, script, _ = AUTOTRADER.play(
        lambda client: client.modify("9", changes, "regular"), result(value=True)
    )
    whole = {"pseudoAccount": "A1", "platformId": "9"} | form
    assert (order_id, *sent(script)) == ("9", "POST", "/trading/modifyOrderByPlatformId", whole)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"price": "x"}, "price"),
        ({"quantity": "1.5"}, "quantity"),
        ({"order_type": "ICE"}, "ICE"),
        ({"validity": "IOC"}, "validity"),
        ({"price": "0"}, "nothing"),
        ({}, "nothing"),
    ],
)
def test_a_wrong_change_is_not_sent(changes: Any, word: str) -> None:
    raised, script = AUTOTRADER.failing(
        lambda client: client.modify("9", changes, ""), result(value=True)
    )
    assert type(raised) is errors.RefusedRequestError
    assert word in str(raised)
    assert script.asked == []


def test_a_cancellation() -> None:
    order_id, script, _ = AUTOTRADER.play(cancel, result(value=True))
    whole = {"pseudoAccount": "A1", "platformId": "9"}
    assert (order_id, *sent(script)) == ("9", "POST", "/trading/cancelOrderByPlatformId", whole)


@pytest.mark.parametrize("write", ["modify", "cancel"])
def test_odd_ids_are_not_sent(write: str) -> None:
    arguments = ({"quantity": "6"}, "") if write == "modify" else ("",)
    raised, script = AUTOTRADER.failing(
        lambda client: getattr(client, write)("9&x=1", *arguments), result(value=True)
    )
    assert isinstance(raised, errors.RefusedRequestError)
    assert script.asked == []
