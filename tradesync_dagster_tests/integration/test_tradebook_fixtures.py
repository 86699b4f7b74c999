"""Published shapes of trade histories come out field by field."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tradesync_dagster.brokers.tradebooks.files import open_tradebook
from tradesync_dagster.brokers.tradebooks.rows import ReadRow
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import Side

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "fixtures"

pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(
        not (SAMPLES / "tradebook").is_dir(), reason="the samples are not beside the project"
    ),
]


def read(name: str, broker: str) -> list[ReadRow]:
    book = open_tradebook(SAMPLES / name)
    assert book.broker == broker
    (chunk,) = book.chunks()
    assert (chunk.read, chunk.repeated, chunk.notices) == (book.size, 0, ())
    return list(chunk.rows)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_equity() -> None:
    rows = read("tradebook/zerodha_eq.anonymised_id55680681261.csv", "ZERODHA")
    assert rows == [
        ReadRow(2, Fill(
            "TB1", "OB1", date(2025, 9, 5), "NSE", "ALPHAX", "CNC", Side.BUY, 10, 100_000_000,
            utc("2025-09-05 04:30:00"), "INE001A01011",
        )),
        ReadRow(3, Fill(
            "TB2", "OB2", date(2025, 9, 6), "BSE", "BETAX", "CNC", Side.BUY, 5, 200_000_000,
            utc("2025-09-06 05:30:00"), "INE002B01010",
        )),
        ReadRow(4, Fill(
            "TB3", "OB3", date(2025, 9, 7), "BSE", "NEWLIST", "CNC", Side.BUY, 50, 10_000_000,
            utc("2025-09-07 06:30:00"), "",
        )),
    ]  # fmt: skip


def test_equity_before_the_auction_column() -> None:
    rows = read("tradebook/zerodha_eq_pre-auction-column.template_id1510556379.csv", "ZERODHA")
    assert rows == [
        ReadRow(2, Fill(
            "1776173", "1000000006006988", date(2021, 5, 14), "NSE", "SYMBOL", "CNC", Side.BUY, 4,
            5_357_600_000, utc("2021-05-14 04:26:04"), "",
        ))
    ]  # fmt: skip


def option(day: int, exchange: str, symbol: str) -> Callable[..., Fill]:
    def made(trade: str, order: str, side: Side, quantity: int, price: int, at: str) -> Fill:
        return Fill(
            trade, order, date(2026, 10, day), exchange, symbol, "NRML", side, quantity, price,
            utc(f"2026-10-{day:02} {at}"), "",
        )  # fmt: skip

    return made


def test_derivatives() -> None:
    rows = read("tradebook/zerodha_fo.synthetic_fo-wrapped.csv", "ZERODHA")
    call = option(6, "NFO", "NIFTY26O0624800CE")
    put = option(6, "NFO", "NIFTY26O0624700PE")
    bse = option(8, "BFO", "SENSEX26O0874000PE")
    buy, sell = Side.BUY, Side.SELL
    assert [row.line for row in rows] == list(range(2, 9))
    assert [row.fill for row in rows] == [
        call("5100001", "1100000090000001", sell, 65, 40_000_000, "03:50:00"),
        call("5100002", "1100000090000002", buy, 65, 22_650_000, "04:25:30"),
        put("5100003", "1600000090000003", buy, 65, 18_100_000, "04:30:00"),
        put("5100004", "1600000090000003", buy, 65, 18_100_000, "04:30:00"),
        put("5100005", "1600000090000004", sell, 130, 15_000_000, "04:50:00"),
        bse("61000001", "1799000000000000001", buy, 20, 150_000_000, "04:31:05"),
        bse("61000002", "1799000000000000002", sell, 20, 120_500_000, "05:01:40"),
    ]


def test_upstox() -> None:
    assert read("upstox/historical-trades_EQ.json", "UPSTOX") == [
        ReadRow(1, Fill(
            "75217259", "", date(2023, 3, 28), "NSE", "RELIANCE", "CNC", Side.BUY, 1,
            2_252_350_000, utc("2023-03-27 18:30:00"), "INE002A01018",
        ))
    ]  # fmt: skip
