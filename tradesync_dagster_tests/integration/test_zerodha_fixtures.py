"""Kite Connect's published samples, served byte by byte, come out field by field."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tradesync_dagster.domain.answers import BrokerHolding, BrokerPosition, Fetch, Outcome
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import OrderStatus, Side
from tradesync_dagster.domain.ports import BrokerClient
from tradesync_dagster_tests.support.scripted import Stage, say

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "fixtures" / "zerodha"

pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(not SAMPLES.is_dir(), reason="Zerodha's samples are not beside the project"),
]


ZERODHA = Stage(
    "ZERODHA",
    {"api_key": "samplekey", "access_token": "sampletoken"},
    datetime(2025, 11, 3, 6, 0, tzinfo=UTC),
)


def fetch(
    name: str, ask: Callable[[BrokerClient], Any], status: int = 200
) -> tuple[Fetch[Any], str]:
    """Serve a sample at every path; return what the client makes of it, and the path asked."""
    body = (SAMPLES / name).read_bytes()
    found, script, _ = ZERODHA.play(ask, say(body, status))
    assert found.payload == body
    return found, script.asked[0].path


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+05:30").astimezone(UTC)


def test_orders() -> None:
    book, path = fetch("orders.json", lambda client: client.orders())
    assert (book.outcome, book.rejects, path) == (Outcome.COMPLETE, (), "/orders")
    assert [row.broker_order_id for row in book.rows] == [
        "100000000000000", "300000000000000", "500000000000000", "220524001859672",
        "700000000000000", "9000000000000000", "98000000000000000", "250117800776785",
        "1953341975595868160", "1953367517686685697",
    ]  # fmt: skip
    first, second, _, rejected = book.rows[:4]
    assert (first.status, first.trade_date) == (OrderStatus.CANCELLED, date(2021, 5, 31))
    assert first.placed_at == utc("2021-05-31 09:18:57")
    assert first.updated_at == utc("2021-05-31 09:18:58")
    assert (first.exchange, first.symbol, first.product) == ("CDS", "USDINR21JUNFUT", "NRML")
    assert (first.pending_quantity, first.cancelled_quantity, first.price) == (1, 1, 72_000_000)
    assert (second.price, second.average_price) == (109_400_000, 109_400_000)
    assert (second.side, second.order_type, second.validity) == (Side.BUY, "LIMIT", "DAY")
    assert (second.exchange_order_id, second.parent_order_id) == ("400000000000000", "")
    assert (rejected.status, rejected.variety) == (OrderStatus.REJECTED, "iceberg")
    assert (rejected.tag, rejected.validity) == ("icebergord", "TTL")
    assert rejected.message.startswith("Insufficient funds. Required margin is 95417.84")
    assert book.rows[8].price == 159_820_000
    assert (book.rows[9].filled_quantity, book.rows[9].average_price) == (150, 12_300_000)


GOLD = Fill(
    "10000000", "200000000000000", date(2021, 5, 31), "MCX", "GOLDPETAL21JUNFUT", "NRML",
    Side.BUY, 1, 4_852_000_000, datetime(2021, 5, 31, 10, 30, 36, tzinfo=UTC),
)  # fmt: skip


def test_trades() -> None:
    book, path = fetch("trades.json", lambda client: client.trades())
    assert (book.outcome, book.rejects, path) == (Outcome.COMPLETE, (), "/trades")
    assert [(f.trade_id, f.broker_order_id, f.symbol, f.price) for f in book.rows] == [
        ("10000000", "200000000000000", "SBIN", 420_650_000),
        ("40000000", "500000000000000", "USDINR21JUNFUT", 72_755_000),
        ("70000000", "800000000000000", "GOLDPETAL21JUNFUT", 4_852_000_000),
        ("90000000", "1100000000000000", "GOLDPETAL21JUNFUT", 4_852_000_000),
    ]
    assert book.rows[0].filled_at == utc("2021-05-31 09:16:39")
    assert {f.trade_date for f in book.rows} == {date(2021, 5, 31)}


def test_order_trades() -> None:
    book, _ = fetch("order_trades.json", lambda client: client.trades())
    assert book.rows == (GOLD,)


def test_positions() -> None:
    book, path = fetch("positions.json", lambda client: client.positions())
    assert (book.outcome, book.rejects, path) == (Outcome.COMPLETE, (), "/portfolio/positions")
    assert book.rows == (
        BrokerPosition("MCX", "LEADMINI17DECFUT", "NRML", 1, 0, 1000, 161_050_000, 161_050_000),
        BrokerPosition(
            "MCX",
            "GOLDGUINEA17DECFUT",
            "NRML",
            0,
            3,
            1,
            0,
            23_355_000_000,
            23_232_000_000,
            23_057_000_000,
        ),
        BrokerPosition("NSE", "SBIN", "CO", 0, 0, 1, 0, 308_400_000),
    )


def test_holdings() -> None:
    book, path = fetch("holdings.json", lambda client: client.holdings())
    assert (book.outcome, book.rejects, path) == (Outcome.COMPLETE, (), "/portfolio/holdings")
    assert book.rows == (
        BrokerHolding("NSE", "AARON", "INE721Z01010", "CNC", 1, 0, 0, 161_000_000, 352_950_000),
        BrokerHolding("NSE", "AARON", "INE721Z01010", "MTF", 1000, 0, 0, 100_000_000, 352_950_000),
        BrokerHolding("BSE", "SBIN", "INE062A01020", "CNC", 16, 0, 0, 801_781_250, 762_450_000),
    )


@pytest.mark.parametrize("status", [200, 500])
def test_general_error(status: int) -> None:
    book, _ = fetch("error_general_docs.json", lambda client: client.orders(), status)
    assert (book.outcome, book.rows) == (Outcome.FAILED, ())
    assert book.error_kind == "BrokerUnavailableError"
    assert "Error message (GeneralException" in book.error
