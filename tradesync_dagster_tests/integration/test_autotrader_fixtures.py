"""Samples with the field names of AutoTrader's client, served byte by byte, come out whole.

Their values are invented. What the unit of a time is, only AutoTrader knows.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tradesync_dagster.domain.answers import BrokerHolding, BrokerPosition, Fetch, Outcome
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import BrokerOrder, OrderStatus, Side
from tradesync_dagster.domain.watermarks import Derived, derive
from tradesync_dagster_tests.support.scripted import Stage, say

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "fixtures" / "autotrader"
AUTOTRADER = Stage("AUTOTRADER", {"api_key": "samplekey", "pseudo_account": "ACC_NAME"})
NEW_YEAR = datetime(2025, 1, 1, 3, 50, tzinfo=UTC)

pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not beside the project"),
]


def whole(kind: str) -> Fetch[Any]:
    """Serve a sample; check who was asked for it, and that nothing was left out."""
    name = f"readPlatform{kind.title()}"
    body = (SAMPLES / f"SYNTHETIC_{name}.json").read_bytes()
    book, script, _ = AUTOTRADER.play(lambda client: getattr(client, kind)(), say(body))
    (asked,) = script.asked
    assert (asked.path, asked.query) == (f"/trading/{name}", {"pseudoAccount": "ACC_NAME"})
    assert (book.outcome, book.rejects, book.error) == (Outcome.COMPLETE, (), "")
    fetch: Fetch[Any] = book
    return fetch


def test_orders_and_the_fills_that_they_tell_of() -> None:
    book = whole("orders")
    assert book.rows == (
        BrokerOrder(
            broker_order_id="250101000000001",
            trade_date=date(2025, 1, 1),
            exchange="NSE",
            symbol="SBIN",
            product="CNC",
            side=Side.BUY,
            order_type="LIMIT",
            validity="DAY",
            variety="regular",
            status_word="COMPLETE",
            quantity=10,
            filled_quantity=10,
            pending_quantity=0,
            cancelled_quantity=0,
            price=100_000_000,
            trigger_price=0,
            average_price=99_950_000,
            placed_at=NEW_YEAR,
            updated_at=NEW_YEAR,
            exchange_order_id="1100000000000001",
        ),
    )
    assert book.rows[0].status is OrderStatus.EXECUTED
    fill = Fill(
        "250101000000001@10", "250101000000001", date(2025, 1, 1), "NSE", "SBIN", "CNC",
        Side.BUY, 10, 99_950_000, NEW_YEAR,
    )  # fmt: skip
    assert derive(1, book.rows, {}, book.requested_at) == Derived([fill])


def test_positions() -> None:
    assert whole("positions").rows == (
        BrokerPosition("NSE", "SBIN", "CNC", 10, 0, 1, 99_950_000, 99_950_000),
    )


def test_holdings() -> None:
    assert whole("holdings").rows == (
        BrokerHolding("NSE", "SBIN", "INE062A01020", "CNC", 10, 0, 0, 99_950_000, 99_950_000),
    )
