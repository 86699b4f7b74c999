"""Rows of Kotak's order books and trades, field by field, over real HTTP."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tradesync_dagster.domain.answers import Outcome
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import BrokerOrder, OrderStatus, Side
from tradesync_dagster_tests.support.scripted import Stage, say

KOTAK = Stage("KOTAK", {"api_key": "appk3yk3y", "access_token": "tokt0kt0k", "sid": "sids1ds1d"})
ORDER = {
    "nOrdNo": "251103000000011", "exSeg": "nse_cm", "trdSym": "ITC-EQ", "sym": "ITC",
    "series": "EQ", "prod": "CNC", "trnsTp": "B", "prcTp": "L", "vldt": "DAY", "ordSt": "open",
    "stat": "open", "qty": 10, "fldQty": 3, "unFldSz": 7, "cnlQty": 0, "dscQty": 0,
    "prc": "401.05", "trgPrc": "0.00", "avgPrc": "401.03", "rejRsn": "--",
    "exOrdId": "1100000000000042", "ordEntTm": "03-Nov-2025 09:20:11",
    "ordDtTm": "03-Nov-2025 09:31:00", "exCfmTm": "03-Nov-2025 09:20:12",
    "hsUpTm": "2025/11/03 18:00:00", "GuiOrdId": "ts1", "ordGenTp": "NA",
}  # fmt: skip
NEVER_SENT = {"ordEntTm": "--", "exCfmTm": "NA", "exOrdId": "NA", "GuiOrdId": ""}
TRADE = {
    "exSeg": "nse_cm", "trdSym": "ITC-EQ", "prod": "MIS", "trnsTp": "S", "prcTp": "MKT",
    "avgPrc": "401.05", "fldQty": 3, "qty": 0, "prc": "", "flId": "77001", "flLeg": 1,
    "flDt": "03-Nov-2025", "flTm": "00:10:00", "exTm": "03-Nov-2025 00:09:00",
    "exOrdId": "1100000000000042", "nOrdNo": "251103000000011", "tok": "",
}  # fmt: skip
EARLY = datetime(2025, 11, 3, 3, 50, 11, tzinfo=UTC)


def read(name: str, rows: tuple[Any, ...]) -> Any:
    body = json.dumps({"stat": "Ok", "stCode": 200, "data": rows})
    return KOTAK.play(lambda client: getattr(client, name)(), say(body))[0]


def orders(*rows: Any) -> Any:
    return read("orders", rows)


def trades(*rows: Any) -> Any:
    return read("trades", rows)


def test_an_order_field_by_field() -> None:
    assert orders(ORDER).rows == (
        BrokerOrder(
            broker_order_id="251103000000011",
            trade_date=date(2025, 11, 3),
            exchange="NSE",
            symbol="ITC",
            product="CNC",
            side=Side.BUY,
            order_type="LIMIT",
            validity="DAY",
            variety="regular",
            status_word="open",
            quantity=10,
            filled_quantity=3,
            pending_quantity=7,
            cancelled_quantity=0,
            price=401_050_000,
            trigger_price=0,
            average_price=401_030_000,
            placed_at=EARLY,
            updated_at=datetime(2025, 11, 3, 4, 1, tzinfo=UTC),
            tag="ts1",
            exchange_order_id="1100000000000042",
        ),
    )


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("put order req received", OrderStatus.PENDING_EXECUTION),
        ("validation pending", OrderStatus.PENDING_EXECUTION),
        ("open pending", OrderStatus.PENDING_EXECUTION),
        ("open", OrderStatus.OPEN),
        ("modify validation pending", OrderStatus.OPEN),
        ("modify pending", OrderStatus.OPEN),
        ("modified", OrderStatus.OPEN),
        ("not modified", OrderStatus.OPEN),
        ("cancel pending", OrderStatus.OPEN),
        ("not cancelled", OrderStatus.OPEN),
        ("trigger pending", OrderStatus.TRIGGER_PENDING),
        ("complete", OrderStatus.EXECUTED),
        ("traded", OrderStatus.EXECUTED),
        ("rejected", OrderStatus.REJECTED),
        ("cancelled", OrderStatus.CANCELLED),
        ("cancelled after market order", OrderStatus.CANCELLED),
        ("after market order req received", OrderStatus.AMO),
        ("modify after market order req received", OrderStatus.AMO),
        ("dreaming", OrderStatus.UNKNOWN),
    ],
)
def test_status_words_are_kept_and_mapped(word: str, status: OrderStatus) -> None:
    (row,) = orders(ORDER | {"ordSt": word}).rows
    assert (row.status_word, row.status) == (word, status)
    assert (row.variety == "amo") is ("after market" in word)


@pytest.mark.parametrize(
    ("change", "field", "ours"),
    [
        ({"trnsTp": "S"}, "side", Side.SELL),
        ({"prcTp": "MKT"}, "order_type", "MARKET"),
        ({"prcTp": "SL"}, "order_type", "SL"),
        ({"prcTp": "SL-M"}, "order_type", "SL-M"),
        ({"prcTp": "2L"}, "order_type", "2L"),
        ({"prod": "MTF"}, "product", "MTF"),
        ({"prod": "NRML"}, "product", "NRML"),
        ({"vldt": "IOC"}, "validity", "IOC"),
        ({"ordGenTp": "AMO"}, "variety", "amo"),
        ({"ordGenTp": "--"}, "variety", "regular"),
        ({"trdSym": "ITC-BE"}, "symbol", "ITC-BE"),
        ({"trdSym": "BAJAJ-AUTO-EQ"}, "symbol", "BAJAJ-AUTO"),
        ({"trdSym": "M&M-EQ"}, "symbol", "M&M"),
        ({"exSeg": "bse_cm", "trdSym": "ITC"}, "symbol", "ITC"),
        ({"exSeg": "bse_cm", "trdSym": "X-EQ"}, "symbol", "X-EQ"),
        ({"exSeg": "nse_fo", "trdSym": "NIFTY2620326500CE"}, "symbol", "NIFTY2620326500CE"),
        ({"exSeg": "bse_cm"}, "exchange", "BSE"),
        ({"exSeg": "nse_fo"}, "exchange", "NFO"),
        ({"exSeg": "bse_fo"}, "exchange", "BFO"),
        ({"exSeg": "cde_fo"}, "exchange", "CDS"),
        ({"exSeg": "mcx_fo"}, "exchange", "MCX"),
        ({"rejRsn": "RMS:Margin Exceeds"}, "message", "RMS:Margin Exceeds"),
        ({"rejRsn": "--"}, "message", ""),
        ({"exOrdId": "NA"}, "exchange_order_id", ""),
        ({"cnlQty": 4}, "cancelled_quantity", 4),
        ({"qty": "10"}, "quantity", 10),
        ({"trgPrc": "400.5"}, "trigger_price", 400_500_000),
    ],
)
def test_kotaks_words_become_ours(change: Any, field: str, ours: object) -> None:
    (row,) = orders(ORDER | change).rows
    assert getattr(row, field) == ours


@pytest.mark.parametrize(
    ("shown", "word", "tag"),
    [
        ("ts1", "open", "ts1"),
        ("", "open", ""),
        (None, "open", ""),
        ("NA", "open", ""),
        ("1762141811-914891-AB1-ADMINAPI", "open", ""),
        ("1762141811-914891-AB1-ADMINAPI-1762141900", "cancelled", ""),
        ("ts1-1762141900", "cancelled", "ts1"),
        ("ts1-1762141900", "cancel pending", "ts1"),
        ("ts1-1762141900", "cancelled after market order", "ts1"),
        ("ts1-1762141900", "open", "ts1-1762141900"),
        ("ts1-17621419", "cancelled", "ts1-17621419"),
        ("a-b-c", "cancelled", "a-b-c"),
    ],
)
def test_a_tag_is_what_kotak_leaves_of_it(shown: Any, word: str, tag: str) -> None:
    (row,) = orders(ORDER | {"GuiOrdId": shown, "ordSt": word}).rows
    assert row.tag == tag


@pytest.mark.parametrize(
    ("change", "placed", "updated", "day"),
    [
        ({}, EARLY, datetime(2025, 11, 3, 4, 1, tzinfo=UTC), 3),
        ({"ordDtTm": "--"}, EARLY, datetime(2025, 11, 3, 3, 50, 12, tzinfo=UTC), 3),
        (NEVER_SENT, datetime(2025, 11, 3, 4, 1, tzinfo=UTC),
         datetime(2025, 11, 3, 4, 1, tzinfo=UTC), 3),
        (NEVER_SENT | {"ordDtTm": "04-Nov-2025 09:00:00"}, datetime(2025, 11, 4, 3, 30, tzinfo=UTC),
         datetime(2025, 11, 4, 3, 30, tzinfo=UTC), 3),
    ],
)  # fmt: skip
def test_an_orders_times_and_the_day_of_its_number(
    change: Any, placed: datetime, updated: datetime, day: int
) -> None:
    (row,) = orders(ORDER | change).rows
    assert (row.placed_at, row.updated_at) == (placed, updated)
    assert row.trade_date == date(2025, 11, day)


@pytest.mark.parametrize("number", ["251104000000011", "250803000000011", "259903000000011", "42"])
def test_a_number_that_cannot_be_the_day_is_no_day(number: str) -> None:
    (row,) = orders(ORDER | {"nOrdNo": number}).rows
    assert row.trade_date == date(2025, 11, 3)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"qty": 1.5}, "qty"),
        ({"qty": 0}, "qty"),
        ({"fldQty": True}, "fldQty"),
        ({"unFldSz": None}, "unFldSz"),
        ({"cnlQty": ""}, "cnlQty"),
        ({"prc": "401.123456789"}, "prc"),
        ({"ordSt": None}, "ordSt"),
        ({"ordEntTm": "09:20:11"}, "ordEntTm"),
        ({"ordEntTm": "2025/11/03 09:20:11"}, "ordEntTm"),
        ({"ordEntTm": "--", "ordDtTm": "NA"}, "ordEntTm"),
        ({"ordDtTm": "03-Nox-2025 09:20:11"}, "ordDtTm"),
        ({"trnsTp": "BUY"}, "trnsTp"),
        ({"exSeg": "nse_com"}, "exSeg"),
        ({"trdSym": ""}, "trdSym"),
        ({"GuiOrdId": "a\0b"}, "GuiOrdId"),
    ],
)
def test_a_bad_row_is_quarantined_and_the_rest_read(change: Any, reason: str) -> None:
    fetch = orders(ORDER | change, ORDER | {"nOrdNo": "2"}, 7)
    assert [row.broker_order_id for row in fetch.rows] == ["2"]
    bad, number = fetch.rejects
    assert (fetch.outcome, bad.row_id) == (Outcome.COMPLETE, ORDER["nOrdNo"])
    assert bad.reason.startswith(f"orders: {reason}: ")
    assert json.loads(bad.raw) == ORDER | change
    assert (number.row_id, number.raw) == ("", "7")


def test_an_order_comes_once_or_is_a_reject() -> None:
    fetch = orders(ORDER, ORDER, ORDER | {"fldQty": 4})
    assert [row.filled_quantity for row in fetch.rows] == [3]
    assert [item.row_id for item in fetch.rejects] == [ORDER["nOrdNo"]]


def test_a_trade_field_by_field() -> None:
    assert trades(TRADE).rows == (
        Fill(
            "77001", "251103000000011", date(2025, 11, 3), "NSE", "ITC", "MIS", Side.SELL, 3,
            401_050_000, datetime(2025, 11, 2, 18, 40, tzinfo=UTC),
        ),
    )  # fmt: skip


def test_trades_come_once_by_id_and_side_and_exactly_priced() -> None:
    buy = TRADE | {"trnsTp": "B"}
    never = TRADE | {"flId": "3", "flTm": ""}
    undated = TRADE | {"flId": "4", "flDt": None}
    long = TRADE | {"flId": "5", "avgPrc": "401.1234567"}
    none = TRADE | {"flId": "6", "fldQty": 0, "qty": 3}
    fetch = trades(TRADE, TRADE, buy, never, undated, long, none, buy | {"fldQty": 9})
    assert [(row.trade_id, row.side) for row in fetch.rows] == [("77001", "SELL"), ("77001", "BUY")]
    assert [item.row_id for item in fetch.rejects] == ["3", "4", "5", "6", "77001"]
