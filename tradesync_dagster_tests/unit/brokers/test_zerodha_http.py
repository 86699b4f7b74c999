"""The transport and the Zerodha adapter against a real HTTP server that misbehaves on script."""

import hashlib
import json
from collections.abc import Awaitable
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tradesync_dagster.brokers.zerodha import ZerodhaClient
from tradesync_dagster.domain import errors
from tradesync_dagster.domain.answers import Fetch, OrderRequest, Outcome
from tradesync_dagster.domain.orders import OrderStatus, Side
from tradesync_dagster_tests.support.scripted import Stage, data, say
from tradesync_dagster_tests.support.wire import Step, hang, reset

KEY, TOKEN = "keyk3yk3y", "tokt0kt0k"
REQUEST = OrderRequest("NSE", "ITC", "CNC", "BUY", "LIMIT", 5, 401_050_000, tag="ts1")
ORDER = {
    "order_id": "251103000000011", "exchange_order_id": "1100000000000042",
    "parent_order_id": None, "status": "OPEN", "status_message": None,
    "order_timestamp": "2025-11-03 09:20:11", "exchange_timestamp": "2025-11-03 09:20:12",
    "exchange_update_timestamp": "2025-11-03 09:31:00", "variety": "regular", "exchange": "NSE",
    "tradingsymbol": "ITC", "order_type": "LIMIT", "transaction_type": "BUY", "validity": "DAY",
    "product": "CNC", "quantity": 10, "price": 401.05, "trigger_price": 0,
    "average_price": 401.0333333333, "filled_quantity": 3, "pending_quantity": 7,
    "cancelled_quantity": 0, "tag": "ts1",
}  # fmt: skip
TRADE = {
    "trade_id": "77001", "order_id": "251103000000011", "exchange": "NSE", "tradingsymbol": "ITC",
    "product": "CNC", "average_price": 401.05, "quantity": 3, "transaction_type": "SELL",
    "fill_timestamp": "2025-11-03 00:10:00", "order_timestamp": "00:10:00",
    "exchange_timestamp": "2025-11-03 00:10:00",
}  # fmt: skip

ZERODHA = Stage("ZERODHA", {"api_key": KEY, "access_token": TOKEN})


def error(kind: str, status: int, message: str = f"bad {TOKEN} of {KEY}") -> Step:
    return say(
        json.dumps({"status": "error", "message": message, "error_type": kind, "data": None}),
        status,
    )


def orders(client: ZerodhaClient) -> Awaitable[Fetch]:
    return client.orders()


def test_order_is_read_field_by_field() -> None:
    fetch, script, _ = ZERODHA.play(orders, data([ORDER]))
    (row,) = fetch.rows
    assert fetch.outcome is Outcome.COMPLETE
    assert (fetch.error, fetch.error_kind, fetch.rejects) == ("", "", ())
    assert fetch.trade_date == date(2025, 11, 4)
    assert fetch.payload_hash == hashlib.sha256(fetch.payload).hexdigest()
    assert fetch.broker_time is not None
    assert (row.price, row.average_price, row.quantity) == (401_050_000, 401_033_333, 10)
    assert (row.trade_date, row.side, row.tag) == (date(2025, 11, 3), Side.BUY, "ts1")
    assert row.placed_at == datetime(2025, 11, 3, 3, 50, 11, tzinfo=UTC)
    assert row.updated_at == datetime(2025, 11, 3, 4, 1, tzinfo=UTC)
    asked = script.asked[0]
    assert (asked.method, asked.path) == ("GET", "/orders")
    assert asked.headers["Authorization"] == f"token {KEY}:{TOKEN}"
    assert asked.headers["X-Kite-Version"] == "3"


def test_empty_book_is_complete_and_empty() -> None:
    fetch, _, _ = ZERODHA.play(orders, data([]))
    assert (fetch.outcome, fetch.rows, fetch.rejects) == (Outcome.COMPLETE, (), ())


@pytest.mark.parametrize(
    ("step", "kind", "sends"),
    [
        (say(f"<html>{TOKEN} login</html>", kind="text/html"), "UnreadableAnswerError", 1),
        (say('{"status": "success", "data": [{"ord'), "UnreadableAnswerError", 1),
        (say('{"status": "success", "data": NaN}'), "UnreadableAnswerError", 1),
        (say('{"status": "success", "data": 1e99999999999999999999}'), "UnreadableAnswerError", 1),
        (say("[" * 200_00), "UnreadableAnswerError", 1),
        (say(b""), "UnreadableAnswerError", 1),
        (say("x" * 200_000), "UnreadableAnswerError", 1),
        (data(None), "UnreadableAnswerError", 1),
        (data({}), "UnreadableAnswerError", 1),
        (say('{"status": "success"}'), "UnreadableAnswerError", 1),
        (say("[]"), "UnreadableAnswerError", 1),
        (say("", 302, Location="/other"), "UnreadableAnswerError", 1),
        (error("TokenException", 403), "SessionExpiredError", 1),
        (say("denied", 403), "SessionExpiredError", 1),
        (error("PermissionException", 403), "RefusedRequestError", 1),
        (error("InputException", 400), "RefusedRequestError", 1),
        (error("GeneralException", 200), "BrokerUnavailableError", 1),
        (error("NetworkException", 503), "BrokerUnavailableError", 3),
        (error("NetworkException", 429), "RateLimitedError", 3),
        (hang, "BrokerUnavailableError", 3),
        (reset, "BrokerUnavailableError", 3),
    ],
)
def test_failed_read_is_never_an_empty_book(step: Any, kind: Any, sends: Any) -> None:
    fetch, script, _ = ZERODHA.play(orders, step)
    assert (fetch.outcome, fetch.error_kind, fetch.rows) == (Outcome.FAILED, kind, ())
    assert len(script.asked) == sends
    assert KEY not in fetch.error
    assert TOKEN not in fetch.error
    assert bool(fetch.payload) is bool(fetch.payload_hash)


def test_read_recovers_after_a_server_error() -> None:
    fetch, script, clock = ZERODHA.play(orders, say("oops", 500), reset, data([ORDER]))
    assert fetch.outcome is Outcome.COMPLETE
    assert len(script.asked) == 3
    assert len(clock.slept) == 2


def test_requests_of_an_account_keep_kites_pace() -> None:
    async def twelve(client: ZerodhaClient) -> list[Fetch]:
        return [await client.orders() for _ in range(12)]

    _, _, clock = ZERODHA.play(twelve, data([]))
    assert clock.slept == [pytest.approx(1.05)] * 2


def test_refused_order_tells_the_reason_and_its_amounts() -> None:
    words = "Insufficient funds. Required margin is 95.75 but available margin is 74.5."
    raised, _ = ZERODHA.failing(lambda c: c.place(REQUEST), error("MarginException", 400, words))
    assert isinstance(raised, errors.OrderRejectedError)
    assert raised.reason == words
    assert (raised.required, raised.available, raised.shortfall) == (
        95_750_000, 74_500_000, 21_250_000,
    )  # fmt: skip


def test_rate_limit_tells_how_long() -> None:
    raised, _ = ZERODHA.failing(
        lambda c: c.place(REQUEST), say("slow down", 429, **{"Retry-After": "7"})
    )
    assert isinstance(raised, errors.RateLimitedError)
    assert raised.retry_after == 7.0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quantity": 1.5}, "quantity"),
        ({"quantity": -1}, "quantity"),
        ({"filled_quantity": True}, "filled_quantity"),
        ({"price": 401.123456789}, "price"),
        ({"status": None}, "status"),
        ({"order_timestamp": "09:20:11"}, "order_timestamp"),
        ({"transaction_type": "HOLD"}, "transaction_type"),
        ({"tag": "a\0b"}, "tag"),
    ],
)
def test_bad_row_is_quarantined_and_the_rest_read(change: Any, reason: Any) -> None:
    other = ORDER | {"order_id": "2"}
    fetch, _, _ = ZERODHA.play(orders, data([ORDER | change, other, 7]))
    assert [row.broker_order_id for row in fetch.rows] == ["2"]
    bad, number = fetch.rejects
    assert (fetch.outcome, bad.row_id) == (Outcome.COMPLETE, ORDER["order_id"])
    assert bad.reason.startswith(f"orders: {reason}: ")
    assert json.loads(bad.raw) == ORDER | change
    assert (number.row_id, number.raw) == ("", "7")


def test_book_without_one_readable_row_is_partial_and_raw_is_bounded() -> None:
    fetch, _, _ = ZERODHA.play(orders, data([{"order_id": "1", "status_message": "x" * 9000}]))
    assert (fetch.outcome, fetch.rows, fetch.error_kind) == (
        Outcome.PARTIAL, (), "ValueRefusedError",
    )  # fmt: skip
    assert len(fetch.rejects[0].raw) == 4096


def test_unknown_status_is_kept() -> None:
    fetch, _, _ = ZERODHA.play(orders, data([ORDER | {"status": "DREAMING"}]))
    assert (fetch.rows[0].status_word, fetch.rows[0].status) == ("DREAMING", OrderStatus.UNKNOWN)


def test_duplicates_are_one_row_or_a_reject() -> None:
    fetch, _, _ = ZERODHA.play(orders, data([ORDER, ORDER, ORDER | {"filled_quantity": 4}]))
    assert [row.filled_quantity for row in fetch.rows] == [3]
    assert [item.row_id for item in fetch.rejects] == [ORDER["order_id"]]


def test_trade_times_and_exact_prices() -> None:
    late = TRADE | {"trade_id": "2", "fill_timestamp": None}
    never = TRADE | {"trade_id": "3", "fill_timestamp": None, "exchange_timestamp": None}
    long = TRADE | {"trade_id": "4", "average_price": 401.123456789}
    fetch, _, _ = ZERODHA.play(lambda client: client.trades(), data([TRADE, late, never, long]))
    assert [row.trade_id for row in fetch.rows] == ["77001", "2"]
    assert fetch.rows[0].trade_date == date(2025, 11, 3)
    assert fetch.rows[1].filled_at == datetime(2025, 11, 2, 18, 40, tzinfo=UTC)
    assert [item.row_id for item in fetch.rejects] == ["3", "4"]


def test_positions_multiplier_must_be_whole() -> None:
    row = {
        "exchange": "MCX", "tradingsymbol": "ZINC", "product": "NRML", "quantity": -2,
        "overnight_quantity": 0, "multiplier": 5000, "average_price": 270.5, "last_price": 271,
    }  # fmt: skip
    book = {"net": [row, row | {"multiplier": 0.5}], "day": []}
    fetch, _, _ = ZERODHA.play(lambda client: client.positions(), data(book))
    assert [(p.quantity, p.multiplier, p.last_price) for p in fetch.rows] == [
        (-2, 5000, 271_000_000)
    ]
    assert "multiplier" in fetch.rejects[0].reason


def test_placement_sends_exact_text_and_returns_the_id() -> None:
    order_id, script, _ = ZERODHA.play(
        lambda client: client.place(REQUEST), data({"order_id": "9"})
    )
    asked = script.asked[0]
    assert (order_id, asked.method, asked.path) == ("9", "POST", "/orders/regular")
    assert dict(parse_qsl(asked.body.decode())) == {
        "exchange": "NSE", "tradingsymbol": "ITC", "transaction_type": "BUY", "quantity": "5",
        "product": "CNC", "order_type": "LIMIT", "validity": "DAY", "price": "401.05",
        "tag": "ts1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (hang, errors.BrokerUnavailableError),
        (reset, errors.BrokerUnavailableError),
        (say("oops", 502), errors.BrokerUnavailableError),
        (error("NetworkException", 503), errors.BrokerUnavailableError),
        (say("<html>"), errors.UnreadableAnswerError),
        (data({}), errors.UnreadableAnswerError),
        (say("", 429), errors.RateLimitedError),
        (error("MarginException", 400), errors.OrderRejectedError),
        (error("OrderException", 500), errors.OrderRejectedError),
        (error("InputException", 400), errors.RefusedRequestError),
        (error("TokenException", 403), errors.SessionExpiredError),
    ],
)
@pytest.mark.parametrize(
    "write",
    [
        lambda client: client.place(REQUEST),
        lambda client: client.modify("9", {"quantity": "6"}, "regular"),
        lambda client: client.cancel("9", "regular"),
    ],
)
def test_writes_are_sent_once(write: Any, step: Any, kind: Any) -> None:
    raised, script = ZERODHA.failing(write, step)
    assert type(raised) is kind
    assert len(script.asked) == 1


def test_odd_ids_are_not_sent() -> None:
    raised, script = ZERODHA.failing(lambda client: client.cancel("../x", "regular"), data({}))
    assert isinstance(raised, errors.RefusedRequestError)
    assert script.asked == []


def test_profile() -> None:
    found, _, _ = ZERODHA.play(lambda c: c.profile(), data({"user_id": "AB1", "user_name": "A B"}))
    assert found == {"user_id": "AB1", "user_name": "A B"}
