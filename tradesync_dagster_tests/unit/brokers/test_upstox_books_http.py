"""Rows of Upstox's books, field by field, over real HTTP."""

import json
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

import pytest

from tradesync_dagster.domain.answers import BrokerHolding, BrokerPosition, Outcome
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.order_sources import OrderSource
from tradesync_dagster.domain.orders import BrokerOrder, OrderStatus, Side
from tradesync_dagster_tests.support.scripted import Stage, data, say

UPSTOX = Stage("UPSTOX", {"access_token": "tokt0kt0k"})
ITC_SHARE = {
    "exchange": "NSE", "instrument_token": "NSE_EQ|INE154A01025", "trading_symbol": "ITC-EQ",
    "tradingsymbol": "ITC-EQ",
}  # fmt: skip
ORDER = ITC_SHARE | {
    "product": "D", "price": 401.05, "quantity": 10, "status": "open", "guid": None, "tag": "ts1",
    "placed_by": "AB1", "order_type": "LIMIT", "validity": "DAY", "trigger_price": 0.0,
    "disclosed_quantity": 0, "transaction_type": "BUY", "average_price": 401.0333333333,
    "filled_quantity": 3, "pending_quantity": 7, "status_message": None,
    "status_message_raw": None, "exchange_order_id": "1100000000000042", "parent_order_id": None,
    "order_id": "251103000000011", "variety": "SIMPLE", "order_timestamp": "2025-11-03 09:20:11",
    "exchange_timestamp": "2025-11-03 09:31:00", "is_amo": False, "order_request_id": "1",
    "order_ref_id": "77",
}  # fmt: skip
TRADE = ITC_SHARE | {
    "product": "D", "order_type": "LIMIT", "transaction_type": "SELL", "quantity": 3,
    "exchange_order_id": "1100000000000042", "order_id": "251103000000011",
    "exchange_timestamp": "03-Nov-2025 00:10:00", "average_price": 401.05, "trade_id": "77001",
    "order_ref_id": "77", "order_timestamp": "2025-11-03 00:09:00",
}  # fmt: skip
POSITION = {
    "exchange": "NFO", "instrument_token": "NSE_FO|52618", "trading_symbol": "NIFTY25NOVFUT",
    "product": "D", "quantity": -75, "overnight_quantity": 15, "multiplier": 1.0,
    "average_price": 25_900.5, "last_price": 25_910.0, "buy_price": 25_800.0,
    "sell_price": 25_900.5,
}  # fmt: skip
HOLDING = {
    "isin": "INE154A01025", "cnc_used_quantity": 0, "product": "D", "quantity": 12,
    "trading_symbol": "ITC", "last_price": 401.05, "t1_quantity": 0, "exchange": "NSE",
    "average_price": 399.333333333, "instrument_token": "NSE_EQ|INE154A01025",
}  # fmt: skip


def orders(*rows: Any) -> Any:
    return UPSTOX.play(lambda client: client.orders(), data(list(rows)))[0]


def trades(*rows: Any) -> Any:
    return UPSTOX.play(lambda client: client.trades(), data(list(rows)))[0]


def positions(*rows: Any) -> Any:
    return UPSTOX.play(lambda client: client.positions(), data(list(rows)))[0]


def holdings(*rows: Any) -> Any:
    return UPSTOX.play(lambda client: client.holdings(), data(list(rows)))[0]


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
            average_price=401_033_333,
            placed_at=datetime(2025, 11, 3, 3, 50, 11, tzinfo=UTC),
            updated_at=datetime(2025, 11, 3, 4, 1, tzinfo=UTC),
            tag="ts1",
            exchange_order_id="1100000000000042",
            source=OrderSource.OTHER_API,
        ),
    )


@pytest.mark.parametrize(
    ("word", "status", "cancelled"),
    [
        ("put order req received", OrderStatus.PENDING_EXECUTION, 0),
        ("validation pending", OrderStatus.PENDING_EXECUTION, 0),
        ("open pending", OrderStatus.PENDING_EXECUTION, 0),
        ("open", OrderStatus.OPEN, 0),
        ("modify pending", OrderStatus.OPEN, 0),
        ("modify validation pending", OrderStatus.OPEN, 0),
        ("modified", OrderStatus.OPEN, 0),
        ("not modified", OrderStatus.OPEN, 0),
        ("cancel pending", OrderStatus.OPEN, 0),
        ("not cancelled", OrderStatus.OPEN, 0),
        ("trigger pending", OrderStatus.TRIGGER_PENDING, 0),
        ("complete", OrderStatus.EXECUTED, 0),
        ("rejected", OrderStatus.REJECTED, 0),
        ("cancelled", OrderStatus.CANCELLED, 7),
        ("cancelled after market order", OrderStatus.CANCELLED, 7),
        ("after market order req received", OrderStatus.AMO, 0),
        ("modify after market order req received", OrderStatus.AMO, 0),
        ("dreaming", OrderStatus.UNKNOWN, 0),
    ],
)
def test_status_words_are_kept_and_mapped(word: str, status: OrderStatus, cancelled: int) -> None:
    (row,) = orders(ORDER | {"status": word}).rows
    assert (row.status_word, row.status, row.cancelled_quantity) == (word, status, cancelled)
    assert not OrderStatus.UNKNOWN.is_terminal


@pytest.mark.parametrize(
    ("change", "field", "ours"),
    [
        ({"product": "I"}, "product", "MIS"),
        ({"product": "MTF"}, "product", "MTF"),
        ({"product": "CO"}, "product", "CO"),
        ({"product": "OCO"}, "product", "BO"),
        ({"exchange": "BSE"}, "product", "CNC"),
        ({"exchange": "NFO"}, "product", "NRML"),
        ({"exchange": "MCX"}, "product", "NRML"),
        ({"exchange": "NFO", "product": "I"}, "product", "MIS"),
        ({"is_amo": True}, "variety", "amo"),
        ({"variety": "CO"}, "variety", "co"),
        ({"variety": "OCO"}, "variety", "bo"),
        ({"variety": None, "is_amo": None}, "variety", "regular"),
        ({"trading_symbol": "ITC-BE"}, "symbol", "ITC-BE"),
        ({"trading_symbol": None, "tradingsymbol": "TCS-EQ"}, "symbol", "TCS"),
        ({"exchange": "BSE", "trading_symbol": "X-EQ"}, "symbol", "X-EQ"),
        ({"status_message": "no funds"}, "message", "no funds"),
        ({"exchange_timestamp": None}, "updated_at", datetime(2025, 11, 3, 3, 50, 11, tzinfo=UTC)),
    ],
)
def test_upstox_words_become_ours(change: Any, field: str, ours: object) -> None:
    (row,) = orders(ORDER | change).rows
    assert getattr(row, field) == ours


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quantity": 1.5}, "quantity"),
        ({"filled_quantity": True}, "filled_quantity"),
        ({"pending_quantity": None}, "pending_quantity"),
        ({"price": 401.123456789}, "price"),
        ({"status": None}, "status"),
        ({"order_timestamp": "09:20:11"}, "order_timestamp"),
        ({"order_timestamp": "03-Nov-25 09:20:11"}, "order_timestamp"),
        ({"order_timestamp": "03-Nox-2025 09:20:11"}, "order_timestamp"),
        ({"order_timestamp": "31-Feb-2025 09:20:11"}, "order_timestamp"),
        ({"exchange_timestamp": "soon"}, "exchange_timestamp"),
        ({"transaction_type": "HOLD"}, "transaction_type"),
        ({"trading_symbol": None, "tradingsymbol": None}, "tradingsymbol"),
        ({"tag": "a\0b"}, "tag"),
    ],
)
def test_a_bad_row_is_quarantined_and_the_rest_read(change: Any, reason: str) -> None:
    fetch = orders(ORDER | change, ORDER | {"order_id": "2"}, 7)
    assert [row.broker_order_id for row in fetch.rows] == ["2"]
    bad, number = fetch.rejects
    assert (fetch.outcome, bad.row_id) == (Outcome.COMPLETE, ORDER["order_id"])
    assert bad.reason.startswith(f"orders: {reason}: ")
    assert json.loads(bad.raw) == ORDER | change
    assert (number.row_id, number.raw) == ("", "7")


def test_an_order_comes_once_or_is_a_reject() -> None:
    fetch = orders(ORDER, ORDER, ORDER | {"filled_quantity": 4})
    assert [row.filled_quantity for row in fetch.rows] == [3]
    assert [item.row_id for item in fetch.rejects] == [ORDER["order_id"]]


def test_a_trade_field_by_field() -> None:
    assert trades(TRADE).rows == (
        Fill(
            "77001", "251103000000011", date(2025, 11, 3), "NSE", "ITC", "CNC", Side.SELL, 3,
            401_050_000, datetime(2025, 11, 2, 18, 40, tzinfo=UTC), isin="INE154A01025",
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("token", "isin"),
    [("BSE_EQ|INE154A01025", "INE154A01025"), ("NSE_FO|52618", ""), ("151064324", ""), (None, "")],
)
def test_only_a_share_has_an_isin(token: Any, isin: str) -> None:
    assert trades(TRADE | {"instrument_token": token}).rows[0].isin == isin


def test_trades_come_once_by_id_and_side_and_exactly_priced() -> None:
    buy = TRADE | {"transaction_type": "BUY"}
    iso = TRADE | {"trade_id": "2", "exchange_timestamp": "2025-11-03 00:10:00"}
    never = TRADE | {"trade_id": "3", "exchange_timestamp": None}
    long = TRADE | {"trade_id": "4", "average_price": 401.123456789}
    fetch = trades(TRADE, TRADE, buy, iso, never, long, buy | {"quantity": 9})
    assert [(row.trade_id, row.side) for row in fetch.rows] == [
        ("77001", "SELL"), ("77001", "BUY"), ("2", "SELL"),
    ]  # fmt: skip
    assert len({row.filled_at for row in fetch.rows}) == 1
    assert [item.row_id for item in fetch.rejects] == ["3", "4", "77001"]


def test_a_trade_in_the_brokers_future_has_the_zone_added_twice() -> None:
    """The broker's clock decides, where it tells the time, and ours where it does not."""
    late = TRADE | {"exchange_timestamp": "04-Nov-2025 05:20:00"}  # 3 Nov 23:50 UTC
    body = json.dumps({"status": "success", "data": [late]})
    told = say(body, Date="Mon, 03 Nov 2025 18:30:00 GMT")
    for step in (told, say(body, Date="")):
        (row,) = UPSTOX.play(lambda client: client.trades(), step)[0].rows
        assert row.filled_at == datetime(2025, 11, 3, 18, 20, tzinfo=UTC)
        assert row.trade_date == date(2025, 11, 3)
    past = say(body, Date="Tue, 04 Nov 2025 10:00:00 GMT")
    (row,) = UPSTOX.play(lambda client: client.trades(), past)[0].rows
    assert row.filled_at == datetime(2025, 11, 3, 23, 50, tzinfo=UTC)


def test_a_repeated_answer_that_is_read_after_all_has_the_zone_taken_off_too() -> None:
    late = TRADE | {"exchange_timestamp": "04-Nov-2025 05:20:00"}
    body = json.dumps({"status": "success", "data": [late]})
    told = say(body, Date="Mon, 03 Nov 2025 18:30:00 GMT")
    known = {"trades": sha256(body.encode()).hexdigest()}
    fetch = UPSTOX.play(lambda client: client.trades(), told, known=known)[0]
    assert (fetch.rows, fetch.unread is None) == ((), False)
    (row,) = fetch.read().rows
    assert row.filled_at == datetime(2025, 11, 3, 18, 20, tzinfo=UTC)
    assert row.trade_date == date(2025, 11, 3)


def test_a_position_field_by_field() -> None:
    assert positions(POSITION).rows == (
        BrokerPosition("NFO", "NIFTY25NOVFUT", "NRML", -75, 15, 1, 25_900_500_000, 25_910_000_000),
    )


@pytest.mark.parametrize(
    ("change", "average"),
    [
        ({}, 25_900_500_000),
        ({"quantity": 75}, 25_800_000_000),
        ({"quantity": 0}, 0),
        ({"sell_price": None}, 0),
    ],
)
def test_a_null_average_is_that_of_the_open_side(change: Any, average: int) -> None:
    (row,) = positions(POSITION | {"average_price": None} | change).rows
    assert row.average_price == average


def test_what_was_carried_tells_its_cost_and_is_never_cut_to_a_whole_number() -> None:
    carried = {"overnight_buy_quantity": 15, "overnight_buy_amount": 390_001.5}
    fetch = positions(POSITION | carried, POSITION | carried | {"overnight_buy_quantity": 15.5})
    assert [row.overnight_price for row in fetch.rows] == [26_000_100_000]
    assert "overnight_buy_quantity" in fetch.rejects[0].reason


def test_a_multiplier_must_be_whole() -> None:
    fetch = positions(POSITION | {"multiplier": 0.5}, POSITION | {"multiplier": 100})
    assert [row.multiplier for row in fetch.rows] == [100]
    assert "multiplier" in fetch.rejects[0].reason


@pytest.mark.parametrize(
    ("quantity", "unsettled", "used", "ours"),
    [
        (12, 0, 0, (12, 0, 0)),
        (12, 4, 0, (8, 4, 0)),
        (12, 4, 5, (3, 4, 5)),
        (12, 4, 9, (0, 3, 9)),
        (12, 4, 12, (0, 0, 12)),
    ],
)
def test_a_holding_is_taken_apart(quantity: int, unsettled: int, used: int, ours: Any) -> None:
    change = {"quantity": quantity, "t1_quantity": unsettled, "cnc_used_quantity": used}
    assert holdings(HOLDING | change).rows == (
        BrokerHolding("NSE", "ITC", "INE154A01025", "CNC", *ours, 399_333_333, 401_050_000, used),
    )


def test_a_holding_that_does_not_add_up_is_quarantined() -> None:
    fetch = holdings(HOLDING | {"t1_quantity": 13}, HOLDING | {"cnc_used_quantity": 13}, HOLDING)
    assert len(fetch.rows) == 1
    assert all("quantity" in item.reason for item in fetch.rejects)
