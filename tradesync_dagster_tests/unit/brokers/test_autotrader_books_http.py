"""Rows of AutoTrader's books, field by field, over real HTTP."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tradesync_dagster.domain.answers import BrokerHolding, BrokerPosition, Margin, Outcome
from tradesync_dagster.domain.order_sources import OrderSource
from tradesync_dagster.domain.orders import BrokerOrder, OrderStatus, Side
from tradesync_dagster_tests.support.scripted import Stage, say

AUTOTRADER = Stage("AUTOTRADER", {"api_key": "k3y0fth3d3sk"})
ITC = {
    "exchange": "NSE", "symbol": "ITC-EQ", "independentExchange": "NSE", "independentSymbol": "ITC",
    "pseudoAccount": "A1", "tradingAccount": "AB1", "stockBroker": "ZERODHA", "platform": "KITE",
}  # fmt: skip
MORNING = datetime(2025, 11, 3, 3, 50, 11, tzinfo=UTC)
PLACED = int(MORNING.timestamp())
ORDER = ITC | {
    "id": "251103000000011", "tradeType": "BUY", "orderType": "STOP_LOSS",
    "productType": "DELIVERY", "variety": "REGULAR", "validity": "DAY", "quantity": 10,
    "disclosedQuantity": 0, "price": 401.05, "triggerPrice": 400.5, "amo": False,
    "statusMessage": None, "publisherId": "ts1", "modifiedTime": None, "createdTime": None,
    "parentOrderId": None, "exchangeOrderId": "1100000000000042", "averagePrice": 401.0333333333,
    "clientId": "AB1", "rawStatus": "OPEN", "platformTime": PLACED * 1000 + 250,
    "exchangeTime": PLACED * 1000 + 60_500, "pendingQuantity": 7, "filledQuantity": 3,
    "status": "OPEN", "nestRequestId": None,
}  # fmt: skip
POSITION = {
    "id": "3", "buyQuantity": 15, "sellQuantity": 90, "netQuantity": -75, "type": "NRML",
    "buyAvgPrice": 25_800.0, "sellAvgPrice": 25_900.5, "exchange": "NFO",
    "symbol": "NIFTY25NOVFUT", "independentSymbol": "NIFTY_25-NOV-2025_FUT", "category": "NET",
    "ltp": 25_910.0, "overnightQuantity": 15, "multiplier": 1.0,
}  # fmt: skip
HOLDING = {
    "id": "1", "isin": "INE154A01025", "product": "CNC", "quantity": 12, "collateralQty": 0,
    "t1Qty": 3, "avgPrice": 399.333333333, "exchange": "NSE", "symbol": "ITC", "ltp": 401.05,
    "totalQty": 15,
}  # fmt: skip


def answer(rows: tuple[Any, ...]) -> Any:
    return say(json.dumps({"result": list(rows), "message": None, "status": True}))


def orders(*rows: Any) -> Any:
    return AUTOTRADER.play(lambda client: client.orders(), answer(rows))[0]


def positions(*rows: Any) -> Any:
    return AUTOTRADER.play(lambda client: client.positions(), answer(rows))[0]


def holdings(*rows: Any) -> Any:
    return AUTOTRADER.play(lambda client: client.holdings(), answer(rows))[0]


def test_an_order_field_by_field() -> None:
    assert orders(ORDER).rows == (
        BrokerOrder(
            broker_order_id="251103000000011",
            trade_date=date(2025, 11, 3),
            exchange="NSE",
            symbol="ITC",
            product="CNC",
            side=Side.BUY,
            order_type="SL",
            validity="DAY",
            variety="regular",
            status_word="OPEN",
            quantity=10,
            filled_quantity=3,
            pending_quantity=7,
            cancelled_quantity=0,
            price=401_050_000,
            trigger_price=400_500_000,
            average_price=401_033_333,
            placed_at=MORNING.replace(microsecond=250_000),
            updated_at=datetime(2025, 11, 3, 3, 51, 11, 500_000, tzinfo=UTC),
            tag="ts1",
            exchange_order_id="1100000000000042",
            source=OrderSource.OTHER_API,
        ),
    )


@pytest.mark.parametrize(
    ("word", "raw", "kept", "status", "cancelled"),
    [
        ("OPEN", "OPEN", "OPEN", OrderStatus.OPEN, 0),
        ("OPEN", None, "OPEN", OrderStatus.OPEN, 0),
        ("OPEN", "dreaming", "OPEN", OrderStatus.OPEN, 0),
        ("OPEN", "AMO REQ RECEIVED", "AMO REQ RECEIVED", OrderStatus.AMO, 0),
        ("OPEN", "open pending", "open pending", OrderStatus.PENDING_EXECUTION, 0),
        ("OPEN", "trigger pending", "trigger pending", OrderStatus.TRIGGER_PENDING, 0),
        ("OPEN", "complete", "OPEN", OrderStatus.OPEN, 0),
        ("OPEN", "cancelled", "OPEN", OrderStatus.OPEN, 0),
        ("TRIGGER_PENDING", "OPEN", "TRIGGER_PENDING", OrderStatus.TRIGGER_PENDING, 0),
        ("COMPLETE", "OPEN", "COMPLETE", OrderStatus.EXECUTED, 0),
        ("REJECTED", "rejected by RMS", "REJECTED", OrderStatus.REJECTED, 0),
        ("CANCELLED", "cancelled", "CANCELLED", OrderStatus.CANCELLED, 7),
        ("UNKNOWN", "OPEN", "UNKNOWN", OrderStatus.UNKNOWN, 0),
        ("UNKNOWN", "complete", "UNKNOWN", OrderStatus.UNKNOWN, 0),
    ],
)
def test_the_platforms_own_word_tells_more_of_an_open_order(
    word: str, raw: str | None, kept: str, status: OrderStatus, cancelled: int
) -> None:
    (row,) = orders(ORDER | {"status": word, "rawStatus": raw}).rows
    assert (row.status_word, row.status, row.cancelled_quantity) == (kept, status, cancelled)


@pytest.mark.parametrize(
    ("value", "at"),
    [
        (PLACED, MORNING),
        (PLACED * 1000, MORNING),
        (str(PLACED), MORNING),
        (f"{PLACED}250", MORNING.replace(microsecond=250_000)),
        ("2025-11-03 09:20:11", MORNING),
        ("2025-11-03T09:20:11.250", MORNING.replace(microsecond=250_000)),
        ("2025-11-03T03:50:11Z", MORNING),
        ("2025-11-03T03:50:11.000+0000", MORNING),
        ("2025-11-03T04:50:11+01:00", MORNING),
        (631_152_000, datetime(1990, 1, 1, tzinfo=UTC)),
        (631_152_000_000, datetime(1990, 1, 1, tzinfo=UTC)),
        (4_102_444_799, datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_time_that_can_mean_one_thing_only_is_read(value: Any, at: datetime) -> None:
    (row,) = orders(ORDER | {"platformTime": value, "exchangeTime": None}).rows
    assert (row.placed_at, row.updated_at) == (at, at)


@pytest.mark.parametrize(
    "value",
    [
        0, -PLACED, 45_963, 631_151_999, 4_102_444_800, 631_151_999_999, PLACED * 10**6,
        PLACED * 10**9, 10**40, PLACED + 0.5, True, [PLACED], "20251103092011", "03-11-2025",
        "03-Nov-2025 09:20:11", "2025-11-03", "09:20:11", "2025-02-30 09:20:11",
        "1989-12-31 23:00:00", "9999-12-31T23:59:59-12:00", "2025-11-03 09:20:11 IST", "x" * 99,
    ],
)  # fmt: skip
def test_a_time_of_any_other_form_is_quarantined(value: Any) -> None:
    good = ORDER | {"id": "2"}
    for name in ("platformTime", "exchangeTime"):
        fetch = orders(ORDER | {name: value}, good)
        assert [row.broker_order_id for row in fetch.rows] == ["2"]
        (bad,) = fetch.rejects
        assert bad.row_id == ORDER["id"]
        assert bad.reason.startswith(f"orders: {name}: ")


def test_without_the_platforms_time_the_exchanges_counts() -> None:
    (row,) = orders(ORDER | {"platformTime": None}).rows
    assert row.placed_at == row.updated_at == datetime(2025, 11, 3, 3, 51, 11, 500_000, tzinfo=UTC)
    fetch = orders(ORDER | {"platformTime": None, "exchangeTime": ""})
    assert "platformTime: missing" in fetch.rejects[0].reason


def test_an_order_is_as_new_as_its_latest_time() -> None:
    (row,) = orders(ORDER | {"exchangeTime": PLACED - 60}).rows
    assert row.updated_at == row.placed_at


@pytest.mark.parametrize(
    ("change", "field", "ours"),
    [
        ({"productType": "INTRADAY"}, "product", "MIS"),
        ({"productType": "NORMAL"}, "product", "NRML"),
        ({"productType": "MTF"}, "product", "MTF"),
        ({"productType": "ODD"}, "product", "ODD"),
        ({"orderType": "SL_MARKET"}, "order_type", "SL-M"),
        ({"orderType": "MARKET"}, "order_type", "MARKET"),
        ({"variety": "BO"}, "variety", "bo"),
        ({"variety": None}, "variety", "regular"),
        ({"amo": True}, "variety", "amo"),
        ({"exchange": "BSE"}, "symbol", "ITC-EQ"),
        ({"symbol": "ITC-BE"}, "symbol", "ITC-BE"),
        ({"tradeType": "SELL"}, "side", Side.SELL),
        ({"publisherId": None}, "tag", ""),
        ({"statusMessage": "no funds"}, "message", "no funds"),
        ({"parentOrderId": 77}, "parent_order_id", "77"),
    ],
)
def test_autotraders_words_become_ours(change: Any, field: str, ours: object) -> None:
    (row,) = orders(ORDER | change).rows
    assert getattr(row, field) == ours


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "id"),
        ({"symbol": ""}, "symbol"),
        ({"tradeType": "HOLD"}, "tradeType"),
        ({"status": None}, "status"),
        ({"quantity": 0}, "quantity"),
        ({"filledQuantity": 1.5}, "filledQuantity"),
        ({"filledQuantity": -1}, "filledQuantity"),
        ({"price": 1.1234567}, "price"),
        ({"averagePrice": None}, "averagePrice"),
    ],
)
def test_a_row_that_cannot_be_read_is_quarantined_alone(change: Any, reason: str) -> None:
    fetch = orders(ORDER | {"id": "1"} | change, ORDER)
    assert (fetch.outcome, [row.broker_order_id for row in fetch.rows]) == (
        Outcome.COMPLETE, [ORDER["id"]],
    )  # fmt: skip
    assert fetch.rejects[0].reason.startswith(f"orders: {reason}: ")


def test_an_order_comes_once_or_is_a_reject() -> None:
    fetch = orders(ORDER, ORDER, ORDER | {"filledQuantity": 4})
    assert [row.filled_quantity for row in fetch.rows] == [3]
    assert [item.row_id for item in fetch.rejects] == [ORDER["id"]]


def test_a_position_field_by_field() -> None:
    assert positions(POSITION).rows == (
        BrokerPosition("NFO", "NIFTY25NOVFUT", "NRML", -75, 15, 1, 25_900_500_000, 25_910_000_000),
    )


@pytest.mark.parametrize(("net", "average"), [(75, 25_800_000_000), (-75, 25_900_500_000), (0, 0)])
def test_a_positions_average_is_that_of_its_open_side(net: int, average: int) -> None:
    (row,) = positions(POSITION | {"netQuantity": net}).rows
    assert (row.quantity, row.average_price) == (net, average)


def test_the_days_positions_are_within_the_net_ones() -> None:
    fetch = positions(POSITION | {"category": "DAY"}, POSITION)
    assert (fetch.outcome, len(fetch.rows), fetch.rejects) == (Outcome.COMPLETE, 1, ())
    fetch = positions(POSITION | {"category": "DAY", "netQuantity": 1})
    assert (fetch.outcome, fetch.rows, fetch.rejects) == (Outcome.PARTIAL, (), ())
    assert "none that are net" in fetch.error
    assert len(positions(POSITION | {"category": None}).rows) == 1


def test_a_multiplier_must_be_whole() -> None:
    fetch = positions(POSITION | {"multiplier": 0.5}, POSITION | {"multiplier": 100})
    assert [row.multiplier for row in fetch.rows] == [100]
    assert "multiplier" in fetch.rejects[0].reason


def test_margins_are_those_of_segments_and_not_their_sum() -> None:
    equity = {"category": "EQUITY", "available": 99_000.123456789, "utilized": -10.5, "total": 1}
    both = {"category": "ALL", "available": 5, "utilized": 0}
    rows = (both, equity, {"category": "COMMODITY", "available": None, "utilized": 0})
    fetch = AUTOTRADER.play(lambda client: client.margins(), answer(rows))[0]
    assert fetch.rows == (Margin("equity", 99_000_123_457, -10_500_000),)
    assert [item.row_id for item in fetch.rejects] == ["COMMODITY"]
    alone = AUTOTRADER.play(lambda client: client.margins(), answer((both,)))[0]
    assert (alone.kind, alone.rows) == ("margins", (Margin("all", 5_000_000, 0),))


def test_a_holding_field_by_field() -> None:
    assert holdings(HOLDING).rows == (
        BrokerHolding("NSE", "ITC", "INE154A01025", "CNC", 12, 3, 0, 399_333_333, 401_050_000),
    )
