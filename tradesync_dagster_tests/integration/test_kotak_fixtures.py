"""Kotak's published samples, and errors that users posted, come out field by field."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tradesync_dagster.brokers.kotak import KotakClient
from tradesync_dagster.domain import errors
from tradesync_dagster.domain.answers import BrokerHolding, BrokerPosition, Fetch, Outcome
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import BrokerOrder, Side
from tradesync_dagster_tests.support.scripted import Stage

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "fixtures" / "kotak"
SECRETS = {"api_key": "sampleapp", "access_token": "sampletoken", "sid": "samplesid"}
QUOTES = b'[{"exchange": "nse_fo", "exchange_token": "61304", "ltp": "2110.5000"}]'

pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(not SAMPLES.is_dir(), reason="Kotak's samples are not beside the project"),
]


KOTAK = Stage("KOTAK", SECRETS, datetime(2025, 1, 22, 9, 5, tzinfo=UTC))


def served(body: bytes, ask: Callable[[KotakClient], Any]) -> tuple[Any, str]:
    """Serve a body; return what the client makes of it, and the path first asked."""

    async def step(request: web.Request) -> web.Response:
        quotes = request.path.startswith("/script-details/")
        return web.Response(body=QUOTES if quotes else body, content_type="application/json")

    found, script, _ = KOTAK.play(ask, step)
    return found, script.asked[0].path


def whole(found: tuple[Fetch, str], path: str) -> Fetch:
    """Check that nothing was left out."""
    book, asked = found
    assert (book.outcome, book.rejects, book.error, asked) == (Outcome.COMPLETE, (), "", path)
    return book


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.json").read_bytes()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+05:30").astimezone(UTC)


def test_order_report() -> None:
    found = served(sample("order_report"), lambda client: client.orders())
    assert whole(found, "/quick/user/orders").rows == (
        BrokerOrder(
            broker_order_id="250122000612876",
            trade_date=date(2025, 1, 22),
            exchange="NSE",
            symbol="IDEA",
            product="NRML",
            side=Side.BUY,
            order_type="LIMIT",
            validity="DAY",
            variety="regular",
            status_word="open",
            quantity=1,
            filled_quantity=0,
            pending_quantity=1,
            cancelled_quantity=0,
            price=9_390_000,
            trigger_price=0,
            average_price=0,
            placed_at=utc("2025-01-22 14:28:01"),
            updated_at=utc("2025-01-22 14:28:01"),
            exchange_order_id="1100000059569867",
        ),
    )


def test_trade_report() -> None:
    """The sample's exTm is the order's time; flDt and flTm are the trade's."""
    found = served(sample("trade_report"), lambda client: client.trades())
    day, terms = date(2025, 1, 22), ("NSE", "IDEA", "NRML", Side.BUY, 1, 9_390_000)
    assert whole(found, "/quick/user/trades").rows == (
        Fill("207983744", "250122000612876", day, *terms, utc("2025-01-22 14:28:16")),
        Fill("208109719", "250122000624384", day, *terms, utc("2025-01-22 14:33:01")),
    )


def test_positions() -> None:
    """Quantities are in units: 225 is one lot of 225, at 475,200 / 225 = 2,112."""
    found = served(sample("positions"), lambda client: client.positions())
    assert whole(found, "/quick/user/positions").rows == (
        BrokerPosition(
            "NFO", "TCS26JULFUT", "NRML", 225, 0, 1, 2_112_000_000, 2_110_500_000, 0
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("holdings", [("IDEA", 35, 9_569_900, 9_360_000)]),
        ("v1_holdings", [("YESBANK", 4, 21_122_500, 19_750_000),
                         ("CESC", 2, 80_010_000, 73_800_000)]),
    ],
)  # fmt: skip
def test_holdings(name: str, rows: list[Any]) -> None:
    found = served(sample(name), lambda client: client.holdings())
    assert whole(found, "/portfolio/v1/holdings").rows == tuple(
        BrokerHolding("NSE", symbol, "", "CNC", quantity, 0, 0, average, last)
        for symbol, quantity, average, last in rows
    )


@pytest.mark.parametrize("name", ["error_no_data_issue103", "readme_block_1"])
def test_no_data_is_an_empty_book(name: str) -> None:
    for ask in (KotakClient.orders, KotakClient.trades, KotakClient.positions):
        book, _ = served(sample(name), ask)
        assert (book.outcome, book.rows, book.error) == (Outcome.COMPLETE, (), "")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("error_not_api_order_issue123", "RefusedRequestError"),
        ("error_duplicate_tag_issue150", "RefusedRequestError"),
        ("readme_block_0", "RefusedRequestError"),
        ("holdings_1", "UnreadableAnswerError"),
    ],
)
def test_every_other_error_is_a_failed_book(name: str, kind: str) -> None:
    for ask in (KotakClient.orders, KotakClient.holdings):
        book, _ = served(sample(name), ask)
        assert (book.outcome, book.rows, book.error_kind) == (Outcome.FAILED, (), kind)


def test_a_book_is_not_one_of_another_kind() -> None:
    book, _ = served(sample("order_report"), lambda client: client.trades())
    assert (book.outcome, len(book.rejects)) == (Outcome.PARTIAL, 1)
    book, _ = served(sample("holdings"), lambda client: client.orders())
    assert book.outcome is Outcome.FAILED


def test_the_answers_to_writes() -> None:
    found, path = served(sample("cancel_order"), lambda client: client.cancel("1", "regular"))
    assert (found, path) == ("230120000017243", "/quick/order/cancel")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("place_order", errors.UnreadableAnswerError),  # its number is blank: it may exist
        ("error_duplicate_tag_issue150", errors.UnreadableAnswerError),
        ("error_not_api_order_issue123", errors.RefusedRequestError),
        ("error_no_data_issue103", errors.RefusedRequestError),
    ],
)
def test_refused_writes(name: str, kind: type[errors.BrokerError]) -> None:
    with pytest.raises(errors.BrokerError) as caught:
        served(sample(name), lambda client: client.cancel("1", "regular"))
    assert type(caught.value) is kind
