"""Upstox's published samples, served byte by byte, come out field by field."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tradesync_dagster.domain.answers import BrokerHolding, BrokerPosition, Fetch, Outcome
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import BrokerOrder, OrderStatus, Side
from tradesync_dagster.domain.ports import BrokerClient
from tradesync_dagster_tests.support.scripted import Stage, say

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "fixtures" / "upstox"

pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(not SAMPLES.is_dir(), reason="Upstox's samples are not beside the project"),
]


UPSTOX = Stage("UPSTOX", {"access_token": "sampletoken"}, datetime(2025, 11, 3, 6, 0, tzinfo=UTC))


def served(body: bytes, ask: Callable[[BrokerClient], Any]) -> tuple[Any, str]:
    """Serve a body at every path; return what the client makes of it, and the path last asked."""
    found, script, _ = UPSTOX.play(ask, say(body))
    return found, script.asked[-1].path


def whole(found: tuple[Fetch, str], path: str) -> Fetch:
    """Check that nothing was left out."""
    book, asked = found
    assert (book.outcome, book.rejects, book.error, asked) == (Outcome.COMPLETE, (), "", path)
    return book


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+05:30").astimezone(UTC)


def test_order_book() -> None:
    """The sample is the list alone; the envelope around it is the documented one."""
    rows = json.loads(sample("get-order-book.json"))
    body = json.dumps({"status": "success", "data": rows}).encode()
    book = whole(served(body, lambda client: client.orders()), "/v2/order/retrieve-all")
    assert book.rows == (
        BrokerOrder(
            broker_order_id="231019025057849",
            trade_date=date(2023, 10, 19),
            exchange="BSE",
            symbol="FCONSUMER",
            product="CNC",
            side=Side.BUY,
            order_type="LIMIT",
            validity="DAY",
            variety="regular",
            status_word="complete",
            quantity=1,
            filled_quantity=1,
            pending_quantity=0,
            cancelled_quantity=0,
            price=800_000,
            trigger_price=0,
            average_price=800_000,
            placed_at=utc("2023-10-19 09:23:23"),
            updated_at=utc("2023-10-19 09:23:23"),
            exchange_order_id="1697686200000169148",
        ),
    )
    assert book.rows[0].status is OrderStatus.EXECUTED


def test_order_details_has_the_fields_of_the_book() -> None:
    row = json.loads(sample("get-order-details.json"))["data"]
    body = json.dumps({"status": "success", "data": [row]}).encode()
    book = whole(served(body, lambda client: client.orders()), "/v2/order/retrieve-all")
    (order,) = book.rows
    assert (order.broker_order_id, order.symbol) == ("231019025562880", "SBIN")
    assert (order.price, order.average_price) == (571_000_000, 570_950_000)
    assert order.placed_at == utc("2023-10-19 13:25:13")


def test_trades() -> None:
    book = whole(
        served(sample("get-trades-for-day.json"), lambda client: client.trades()),
        "/v2/order/trades/get-trades-for-day",
    )
    assert book.rows == (
        Fill(
            "50091502", "221013001021539", date(2017, 8, 3), "NSE", "GMRINFRA", "CNC", Side.BUY,
            1, 299_400_000, utc("2017-08-03 15:03:42"),
        ),
    )  # fmt: skip


def test_positions() -> None:
    """The second row's average is null and its buy_price is cut off: no average is told."""
    book = whole(
        served(sample("short-term-positions.json"), lambda client: client.positions()),
        "/v2/portfolio/short-term-positions",
    )
    assert book.rows == (
        BrokerPosition(
            "NFO",
            "BANKNIFTY23OCT38000PE",
            "NRML",
            15,
            15,
            1,
            2_650_000,
            1_750_000,
            1_950_000,
            2_650_000,
        ),
        BrokerPosition("BSE", "FCONSUMER", "CNC", 1, 0, 1, 0, 810_000),
    )


def test_holdings() -> None:
    book = whole(
        served(sample("long-term-holdings.json"), lambda client: client.holdings()),
        "/v2/portfolio/long-term-holdings",
    )
    assert book.rows == (
        BrokerHolding("NSE", "YESBANK", "INE528G01035", "CNC", 36, 0, 0, 18_750_000, 17_050_000),
        BrokerHolding("NSE", "RELINFRA", "INE036A01016", "CNC", 1, 0, 0, 192_550_000, 174_850_000),
    )


def test_the_answer_to_a_write() -> None:
    """Changing and cancelling are answered alike."""
    found, path = served(
        sample("v3-modify-order.json"), lambda client: client.cancel("1644490272000", "regular")
    )
    assert (found, path) == ("1644490272000", "/v3/order/cancel")
