"""Upstox's trade history: what is read, what is refused, and in which words."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tradesync_dagster.brokers.tradebooks import upstox_history
from tradesync_dagster.brokers.tradebooks.rows import ReadRow
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.orders import Side
from tradesync_dagster_tests.support.tradebooks import OPTION, TRADE, Desk, Reading, page, saved


def test_an_upstox_trade(desk: Desk) -> None:
    book = desk.open(saved(page(TRADE)))
    assert book.broker == "UPSTOX"
    found = Reading(list(book.chunks()))
    assert found.rows == [
        ReadRow(
            1,
            Fill(
                "88112233", "", date(2024, 3, 11), "NSE", "ITC", "CNC", Side.SELL, 4, 431_050_000,
                datetime(2024, 3, 10, 18, 30, tzinfo=UTC), "INE154A01025",
            ),
        )
    ]  # fmt: skip
    assert found.fills[0].filled_at.astimezone(IST).isoformat() == "2024-03-11T00:00:00+05:30"
    assert found.notices == []


def test_an_upstox_price_is_exact_or_refused(desk: Desk) -> None:
    long = [TRADE | {"trade_id": "1", "price": Decimal("0.100001")}]
    long += [TRADE | {"trade_id": "2", "price": Decimal("2252.3500001")}]
    found = desk.read(saved(page(*long)))
    assert [fill.price for fill in found.fills] == [100_001]
    assert "more digits than allowed" in found.reasons[2]


def test_pages_are_read_in_one_list_and_missing_ones_are_told(desk: Desk) -> None:
    trades = [TRADE | {"trade_id": str(number)} for number in range(1, 6)]
    pages = [page(*trades[:2], number=1, of=3), page(*trades[2:4], number=2, of=3)]
    found = desk.read(saved(pages), 2)
    assert [(row.line, row.fill and row.fill.trade_id) for row in found.rows] == [
        (1, "1"), (2, "2"), (3, "3"), (4, "4"),
    ]  # fmt: skip
    assert found.notices == [
        "download has 2 of the 3 pages of this trade history; import the others too"
    ]
    whole = desk.read(saved([*pages, page(*trades[3:], number=3, of=3)]))
    assert (len(whole.fills), whole.repeated, whole.notices) == (5, 1, [])


@pytest.mark.parametrize(
    ("change", "exchange", "symbol"),
    [
        ({}, "NFO", "NIFTY 22000 CE 14 MAR 24"),
        ({"option_type": "pe", "strike_price": "72.25"}, "NFO", "NIFTY 72.25 PE 14 MAR 24"),
        ({"option_type": "PE", "strike_price": "72.5"}, "NFO", "NIFTY 72.50 PE 14 MAR 24"),
        ({"exchange": "BSE", "symbol": "SENSEX"}, "BFO", "SENSEX 22000 CE 14 MAR 24"),
        ({"option_type": "", "strike_price": "0.0"}, "NFO", "NIFTY FUT 14 MAR 24"),
        ({"segment": "CD", "symbol": "USDINR"}, "CDS", "USDINR 22000 CE 14 MAR 24"),
        ({"segment": "COM", "exchange": "MCX", "symbol": "GOLD"}, "MCX", "GOLD 22000 CE 14 MAR 24"),
        ({"symbol": "NIFTY24MAR22000CE"}, "NFO", "NIFTY24MAR22000CE"),
        ({"symbol": "RELIANCE"}, "NFO", "RELIANCE 22000 CE 14 MAR 24"),
        ({"expiry": "2024-03-11"}, "NFO", "NIFTY 22000 CE 11 MAR 24"),
    ],
)
def test_an_upstox_derivative_is_named_by_its_contract(
    desk: Desk, change: dict[str, str], exchange: str, symbol: str
) -> None:
    found = desk.read(saved(page(OPTION | change)))
    (fill,) = found.fills
    assert (fill.exchange, fill.symbol, fill.product) == (exchange, symbol, "NRML")
    told = [notice for notice in found.notices if f"such as {symbol}, and" in notice]
    assert told == (found.notices if " " in symbol else [])
    assert len(found.notices) == (" " in symbol)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"expiry": ""}, "expiry: missing or empty"),
        ({"expiry": "14-03-2024"}, "expiry: '14-03-2024' is not a day"),
        ({"expiry": "2024-03-10"}, "expiry: 2024-03-10 is before the trade"),
        ({"strike_price": "0.0"}, "strike_price: an option needs one above 0"),
        ({"option_type": "XY"}, "option_type: 'XY' is neither CE nor PE"),
        ({"option_type": ""}, "option_type: missing, and there is a strike_price"),
        ({"segment": "MF"}, "segment: MF, and these books keep no mutual funds"),
        ({"trade_date": "2024-03-11T10:00:00"}, "trade_date: '2024-03-11T10:00:00' is not a day"),
        ({"trade_date": None}, "trade_date: missing or empty"),
        ({"quantity": Decimal("1.5")}, "quantity: Decimal('1.5') has more digits"),
        ({"transaction_type": "B"}, "transaction_type: 'B' is neither BUY nor SELL"),
        ({"symbol": "NIF\0TY"}, "symbol: text has characters that are no text"),
        ({"symbol": "NIF\ud800TY"}, "symbol: text has characters that are no text"),
    ],
)
def test_an_upstox_trade_that_cannot_be_mapped_is_told(
    desk: Desk, change: dict[str, Any], reason: str
) -> None:
    found = desk.read(saved(page(OPTION | change, TRADE)))
    assert (list(found.reasons), len(found.fills)) == ([1], 1)
    assert found.reasons[1].startswith(reason)


def test_a_row_that_is_no_object_is_told_with_its_page(desk: Desk) -> None:
    found = desk.read(saved([page(TRADE), page(["x"])]))  # type: ignore[arg-type]
    assert found.reasons == {2: "page 2: expected an object, got a list"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (saved(page(TRADE))[:-9], "is not whole JSON"),
        (saved(page(TRADE)) + b"]", "is not whole JSON"),
        (b'{"status": "success", "data": [NaN]}', "is not whole JSON"),
        (b"[" * 100_000, "is not whole JSON"),
        (b'{"a": "\xe9"}', "is not UTF-8 text"),
        (b'{"status": "success"}', 'not Upstox\'s trade history, which has "status"'),
        (b'{"status": "success", "data": null}', "not Upstox's trade history"),
        (b'[["status"]]', "not Upstox's trade history"),
        (
            b'{"status": "error", "errors": [{"message": "Invalid token"}]}',
            'an error that Upstox answered: [{"message": "Invalid token"}]',
        ),
        (
            b'{"status": "error", "errors": ' + b"[" * 600 + b"]" * 600 + b"}",
            "an error that Upstox answered: (nested too deeply to show)",
        ),
        (b"[]", "holds no trades"),
        (saved(page()), "holds no trades"),
    ],
)
def test_json_that_is_no_trade_history_is_refused_in_words(
    desk: Desk, content: bytes, words: str
) -> None:
    assert words in desk.refusal(content)


def test_json_too_large_to_hold_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    content = saved(page(TRADE))
    monkeypatch.setattr(upstox_history, "MAX_BYTES", len(content))
    assert len(desk.read(content).fills) == 1
    monkeypatch.setattr(upstox_history, "MAX_BYTES", len(content) - 1)
    assert "save fewer pages a file" in desk.refusal(content)
