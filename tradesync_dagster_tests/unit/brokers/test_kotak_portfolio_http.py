"""Kotak's positions with the prices that it tells elsewhere, and its holdings, over real HTTP."""

import json
from typing import Any

import pytest

from tradesync_dagster.domain.answers import BrokerHolding, BrokerPosition, Margin, Outcome
from tradesync_dagster_tests.support.scripted import Stage, say
from tradesync_dagster_tests.support.wire import Step, reset

KOTAK = Stage("KOTAK", {"api_key": "appk3yk3y", "access_token": "tokt0kt0k", "sid": "sids1ds1d"})
POSITION = {
    "exSeg": "nse_fo", "trdSym": "NIFTY26JANFUT", "tok": "61304", "prod": "NRML",
    "cfBuyQty": "0", "cfSellQty": "0", "cfBuyAmt": "0.00", "cfSellAmt": "0.00",
    "flBuyQty": "225", "flSellQty": "75", "buyAmt": "475200.00", "sellAmt": "158437.50",
    "lotSz": "75", "multiplier": "1", "genNum": "1", "genDen": "1", "prcNum": "1", "prcDen": "1",
    "precision": "2",
}  # fmt: skip
QUOTE = {
    "exchange": "nse_fo", "exchange_token": "61304", "ltp": "2113.5000",
    "ohlc": {"open": "2100.0000", "close": "2099.0000"},
}  # fmt: skip
HOLDING = {
    "exchangeSegment": "nse_cm", "symbol": "ITC", "displaySymbol": "ITC", "quantity": 35,
    "sellableQuantity": 30, "averagePrice": 399.3333, "closingPrice": 401.05, "mktValue": 14036.75,
}  # fmt: skip


def book(*rows: Any) -> Step:
    return say(json.dumps({"stat": "ok", "stCode": 200, "data": rows}))


def quotes(*rows: Any) -> Step:
    return say(json.dumps(rows))


def positions(*steps: Step) -> tuple[Any, Any]:
    fetch, script, _ = KOTAK.play(lambda client: client.positions(), *steps)
    return fetch, script


def holdings(*rows: Any) -> Any:
    body = json.dumps({"data": rows})
    return KOTAK.play(lambda client: client.holdings(), say(body))[0]


def test_a_position_field_by_field() -> None:
    fetch, script = positions(book(POSITION), quotes(QUOTE))
    assert (fetch.outcome, fetch.rejects) == (Outcome.COMPLETE, ())
    assert fetch.rows == (
        BrokerPosition(
            "NFO", "NIFTY26JANFUT", "NRML", 150, 0, 1, 2_112_000_000, 2_113_500_000, 0
        ),
    )  # fmt: skip
    _, asked = script.asked
    path = "/script-details/1.0/quotes/neosymbol/nse_fo|61304/all"
    assert (asked.method, asked.path) == ("GET", path)
    assert asked.headers["Authorization"] == "appk3yk3y"
    assert not {"Auth", "Sid"} & set(asked.headers)


@pytest.mark.parametrize(
    ("change", "ours"),
    [
        ({"flBuyQty": "75", "buyAmt": "158400.00", "flSellQty": "225", "sellAmt": "475875.00"},
         (-150, 0, 1, 2_115_000_000, 0)),
        ({"flBuyQty": "75", "buyAmt": "158400.00"}, (0, 0, 1, 0, 0)),
        ({"cfBuyQty": "75", "cfBuyAmt": "157500.00"}, (225, 75, 1, 2_109_000_000, 2_100_000_000)),
        ({"cfSellQty": "375", "cfSellAmt": "787500.00"},
         (-225, -375, 1, 2_102_083_333, 2_100_000_000)),
        ({"multiplier": "100"}, (150, 0, 100, 21_120_000, 0)),
        ({"multiplier": "10", "genNum": "5", "prcDen": "2"}, (150, 0, 25, 84_480_000, 0)),
    ],
)  # fmt: skip
def test_quantities_and_averages_are_worked_out(change: Any, ours: Any) -> None:
    fetch, _ = positions(book(POSITION | change), quotes(QUOTE))
    (row,) = fetch.rows
    found = (row.quantity, row.overnight_quantity, row.multiplier, row.average_price)
    assert (*found, row.close_price, row.overnight_price) == (*ours, 0)
    assert row.last_price == 2_113_500_000


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"flBuyQty": "2.5"}, "flBuyQty"),
        ({"cfSellQty": None}, "cfSellQty"),
        ({"sellAmt": ""}, "sellAmt"),
        ({"multiplier": "0"}, "multiplier"),
        ({"genDen": "2"}, "multiplier"),
        ({"multiplier": str(2**62), "genNum": "8"}, "multiplier"),
        ({"exSeg": "moon"}, "exSeg"),
        ({"cfBuyAmt": "0", "cfBuyQty": str(2**63 - 1)}, "flBuyQty"),
    ],
)
def test_a_position_that_cannot_be_told_is_quarantined(change: Any, reason: str) -> None:
    fetch, _ = positions(book(POSITION | change, POSITION), quotes(QUOTE))
    assert (fetch.outcome, len(fetch.rows)) == (Outcome.COMPLETE, 1)
    assert fetch.rejects[0].reason.startswith(f"positions: {reason}")


@pytest.mark.parametrize(
    "step",
    [
        quotes(),
        quotes(QUOTE | {"exchange": "bse_fo"}),
        quotes(QUOTE | {"ltp": "x"}, 7),
        quotes({"ltp": "1"}),
        quotes(QUOTE | {"ltp": "0", "ohlc": {"close": "0"}}),
        quotes(QUOTE | {"ltp": "0", "ohlc": None}),
        say(json.dumps([QUOTE]), 201),
        say('{"stat": "Not_Ok", "stCode": 1009, "emsg": "Invalid instrument"}'),
        say("<html>", kind="text/html"),
        say("oops", 502),
        reset,
    ],
)
def test_without_a_quote_a_position_has_no_price(step: Step) -> None:
    fetch, _ = positions(book(POSITION), step)
    assert (fetch.outcome, fetch.error, fetch.rejects) == (Outcome.COMPLETE, "", ())
    assert [(row.quantity, row.last_price) for row in fetch.rows] == [(150, None)]


def test_quotes_that_fail_once_are_not_asked_for_the_rest() -> None:
    many = [POSITION | {"tok": str(number)} for number in range(60)]
    fetch, script = positions(book(*many), say("<html>"), quotes(QUOTE))
    assert (len(fetch.rows), len(script.asked)) == (60, 2)


def test_before_the_first_trade_of_the_day_the_last_close_is_the_price() -> None:
    fetch, _ = positions(book(POSITION), quotes(QUOTE | {"ltp": "0.0000"}))
    assert (fetch.outcome, fetch.rows[0].last_price) == (Outcome.COMPLETE, 2_099_000_000)


def test_many_prices_are_asked_for_in_turn_and_each_once() -> None:
    many = [POSITION | {"tok": str(number)} for number in range(60)]
    answers = [QUOTE | {"exchange_token": str(number)} for number in range(60)]
    long = [row | {"prod": "MIS"} for row in many]
    fetch, script = positions(book(*many, *long, *long), quotes(*answers))
    assert (fetch.outcome, len(fetch.rows)) == (Outcome.COMPLETE, 120)
    asked = [one.path.split("/")[-2].split(",") for one in script.asked[1:]]
    assert [len(names) for names in asked] == [50, 10]
    assert len({*asked[0], *asked[1]}) == 60


def test_no_positions_need_no_prices() -> None:
    for step in (book(), say("<html>"), say('{"stat": "Not_Ok", "stCode": 5203}')):
        fetch, script = positions(step)
        assert (fetch.rows, len(script.asked)) == ((), 1)


@pytest.mark.parametrize(
    ("change", "ours"),
    [
        ({}, ("NSE", "ITC", "", "CNC", 30, 0, 5, 399_333_300, 401_050_000)),
        ({"sellableQuantity": 35}, ("NSE", "ITC", "", "CNC", 35, 0, 0, 399_333_300, 401_050_000)),
        ({"exchangeSegment": "bse_cm"},
         ("BSE", "ITC", "", "CNC", 30, 0, 5, 399_333_300, 401_050_000)),
        ({"isin": "INE154A01025"},
         ("NSE", "ITC", "INE154A01025", "CNC", 30, 0, 5, 399_333_300, 401_050_000)),
        ({"averagePrice": 100.33333333},
         ("NSE", "ITC", "", "CNC", 30, 0, 5, 100_333_333, 401_050_000)),
    ],
)  # fmt: skip
def test_a_holding_field_by_field(change: Any, ours: Any) -> None:
    # What is used may be pledged, or waiting to be sold.
    assert holdings(HOLDING | change).rows == (BrokerHolding(*ours, blocked=ours[6]),)


def test_the_same_row_twice_is_one_row() -> None:
    assert len(holdings(HOLDING, HOLDING, HOLDING | {"quantity": 36}).rows) == 2
    fetch, _ = positions(book(POSITION, POSITION), quotes(QUOTE))
    assert len(fetch.rows) == 1


def test_margins_of_all_segments_together() -> None:
    body = {"stat": "Ok", "stCode": 200, "Category": "X", "Net": "19.409999999999997",
            "MarginUsed": "18.78"}  # fmt: skip
    fetch, script, _ = KOTAK.play(lambda client: client.margins(), say(json.dumps(body)))
    assert (fetch.outcome, fetch.rows) == (
        Outcome.COMPLETE,
        (Margin("all", 19_410_000, 18_780_000),),
    )
    assert (script.asked[0].method, script.asked[0].path) == ("POST", "/quick/user/limits")
    for odd in (body | {"stat": "Not_Ok"}, [body], None):
        fetch, _, _ = KOTAK.play(lambda client: client.margins(), say(json.dumps(odd)))
        assert (fetch.outcome, fetch.rows) == (Outcome.FAILED, ())
    fetch, _, _ = KOTAK.play(lambda client: client.margins(), say(json.dumps(body | {"Net": ""})))
    assert (fetch.outcome, len(fetch.rejects)) == (Outcome.PARTIAL, 1)


def test_a_holding_of_the_older_answer_does_not_say_what_can_be_sold() -> None:
    older = {name: value for name, value in HOLDING.items() if name != "sellableQuantity"}
    (row,) = holdings(older).rows
    assert (row.quantity, row.used_quantity) == (35, 0)


def test_a_holding_that_does_not_add_up_is_quarantined() -> None:
    odd = [{"sellableQuantity": 36}, {"quantity": -1}, {"symbol": ""}, {"closingPrice": None},
           {"quantity": 35.5}, {"sellableQuantity": None}]  # fmt: skip
    fetch = holdings(*(HOLDING | change for change in odd), HOLDING)
    assert (fetch.outcome, len(fetch.rows), len(fetch.rejects)) == (Outcome.COMPLETE, 1, len(odd))
    for change, reject in zip(odd, fetch.rejects, strict=True):
        assert next(iter(change)) in reject.reason
