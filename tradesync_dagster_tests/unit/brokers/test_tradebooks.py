"""Downloaded trade histories: what is read, what is refused, and in which words."""

import json
import tracemalloc
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradesync_dagster.brokers.tradebooks import upstox_history
from tradesync_dagster.brokers.tradebooks.files import Tradebook, open_tradebook
from tradesync_dagster.brokers.tradebooks.rows import Chunk, ReadRow
from tradesync_dagster.domain.errors import FileRefusedError
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.money import INT64_MAX, format_price
from tradesync_dagster.domain.orders import Side

ROW = {
    "symbol": "TATASTEEL",
    "isin": "INE081A01020",
    "trade_date": "2024-03-11",
    "exchange": "NSE",
    "segment": "EQ",
    "series": "EQ",
    "trade_type": "buy",
    "auction": "false",
    "quantity": "12.000000",
    "price": "147.350000",
    "trade_id": "700123",
    "order_id": "1100000000004711",
    "order_execution_time": "2024-03-11T09:31:07",
}
FILL = Fill(
    "700123", "1100000000004711", date(2024, 3, 11), "NSE", "TATASTEEL", "CNC", Side.BUY, 12,
    147_350_000, datetime(2024, 3, 11, 4, 1, 7, tzinfo=UTC), "INE081A01020",
)  # fmt: skip
COLUMNS_12 = [name for name in ROW if name != "auction"]
TRADE: dict[str, Any] = {
    "exchange": "NSE",
    "segment": "EQ",
    "option_type": "",
    "quantity": 4,
    "amount": Decimal("1724.2"),
    "trade_id": "88112233",
    "trade_date": "2024-03-11",
    "transaction_type": "SELL",
    "scrip_name": "ITC",
    "strike_price": "0.0",
    "expiry": "",
    "price": Decimal("431.05"),
    "isin": "INE154A01025",
    "symbol": "ITC",
    "instrument_token": "NSE_EQ|INE154A01025",
}
OPTION = TRADE | {
    "segment": "FO", "symbol": "NIFTY", "scrip_name": "NIFTY", "isin": "", "option_type": "CE",
    "strike_price": "22000.0", "expiry": "2024-03-14", "instrument_token": "NSE_FO|41000",
}  # fmt: skip


def csv(*rows: dict[str, str], columns: Sequence[str] = tuple(ROW)) -> bytes:
    lines = [",".join(columns), *(",".join(row[name] for name in columns) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def page(*trades: dict[str, Any], number: int = 1, of: int = 1) -> dict[str, Any]:
    told = {"page_number": number, "page_size": 500, "total_records": 1, "total_pages": of}
    return {
        "status": "success",
        "data": list(trades),
        "errors": None,
        "meta_data": {"page": told},
    }


def saved(document: object) -> bytes:
    """JSON with Decimals as bare numbers, as a broker writes them."""
    marked = json.dumps(document, default=lambda number: f"#{number}#")
    return marked.replace('"#', "").replace('#"', "").encode()


class Reading:
    """What came of a file."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = chunks
        self.rows = [row for chunk in chunks for row in chunk.rows]
        self.fills = [row.fill for row in self.rows if row.fill]
        self.reasons = {row.line: row.reject.reason for row in self.rows if row.reject}
        self.repeated = sum(chunk.repeated for chunk in chunks)
        self.notices = [notice for chunk in chunks for notice in chunk.notices]


class Desk:
    """Where a test's downloads are."""

    def __init__(self, room: Path) -> None:
        self.path = room / "download"

    def open(self, content: bytes) -> Tradebook:
        self.path.write_bytes(content)
        return open_tradebook(self.path)

    def read(self, content: bytes, rows: int = 5_000) -> Reading:
        return Reading(list(self.open(content).chunks(rows)))

    def refusal(self, content: bytes) -> str:
        with pytest.raises(FileRefusedError) as caught:
            self.read(content)
        assert str(caught.value).startswith("download: ")
        return str(caught.value)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(scope="session")
def shared_desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("downloads"))


@pytest.mark.parametrize(
    "columns",
    [
        list(ROW),
        COLUMNS_12,
        [name for name in ROW if name != "isin"],
        list(reversed(ROW)),
        [*ROW, "expiry_date"],
        ["remarks", *ROW],
        [name.upper() for name in ROW],
    ],
    ids=["13", "12", "no isin", "reversed", "14", "unknown", "upper case"],
)
def test_columns_are_found_by_name(desk: Desk, columns: list[str]) -> None:
    row = {name.upper(): value for name, value in ROW.items()}
    row |= ROW | {"expiry_date": "", "remarks": "any, thing".replace(",", ";")}
    found = desk.read(csv(row, columns=columns))
    expected = FILL if "isin" in [name.lower() for name in columns] else without_isin(FILL)
    assert [(r.line, r.fill, r.reject) for r in found.rows] == [(2, expected, None)]


def without_isin(fill: Fill) -> Fill:
    values = {name: getattr(fill, name) for name in Fill.__dataclass_fields__}
    return Fill(**values | {"isin": ""})


@pytest.mark.parametrize(
    "content",
    [
        csv(ROW),
        b"\xef\xbb\xbf" + csv(ROW),
        csv(ROW).replace(b"\n", b"\r\n"),
        csv(ROW).rstrip(b"\n"),
        csv(ROW) + b"\n  \n",
        csv({name: f'"{value}"' for name, value in ROW.items()}),
        csv({name: f" {value} " for name, value in ROW.items()}),
        csv(ROW | {"order_execution_time": "2024-03-11 09:31:07", "trade_type": "BUY"}),
        csv(ROW | {"quantity": "12", "price": "147.35", "auction": "true"}),
    ],
)
def test_ways_of_writing_the_same_trade(desk: Desk, content: bytes) -> None:
    found = desk.read(content)
    assert (found.fills, found.reasons, found.repeated) == ([FILL], {}, 0)


def test_a_value_in_quotes_may_hold_commas_and_quotes(desk: Desk) -> None:
    found = desk.read(csv(ROW | {"symbol": '"A,B ""C"""'}))
    assert [fill.symbol for fill in found.fills] == ['A,B "C"']


@pytest.mark.parametrize(
    ("house", "segment", "exchange", "product"),
    [
        ("NSE", "EQ", "NSE", "CNC"),
        ("BSE", "EQ", "BSE", "CNC"),
        ("NSE", "FO", "NFO", "NRML"),
        ("NFO", "FO", "NFO", "NRML"),
        ("BSE", "FO", "BFO", "NRML"),
        ("NSE", "CDS", "CDS", "NRML"),
        ("CDS", "CDS", "CDS", "NRML"),
        ("BSE", "BCD", "BCD", "NRML"),
        ("MCX", "COM", "MCX", "NRML"),
        ("NSE", "COM", "NCO", "NRML"),
        ("nse", "eq", "NSE", "CNC"),
    ],
)
def test_exchange_and_product(
    desk: Desk, house: str, segment: str, exchange: str, product: str
) -> None:
    (fill,) = desk.read(csv(ROW | {"exchange": house, "segment": segment})).fills
    assert (fill.exchange, fill.product) == (exchange, product)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quantity": "0.500000"}, "quantity: '0.500000' has more digits than allowed (whole"),
        ({"quantity": "0"}, "quantity: 0 is below 1"),
        ({"quantity": "-5"}, "quantity: -5 is below 1"),
        ({"quantity": ""}, "quantity: '' is not a number"),
        ({"price": "147.3500001"}, "price: '147.3500001' has more digits than allowed (at most 6"),
        ({"price": "nan"}, "price: 'nan' is not a number"),
        ({"price": "99999999999999"}, "price: '99999999999999' does not fit"),
        ({"order_execution_time": ""}, "order_execution_time: missing or empty"),
        ({"order_execution_time": "09:31:07"}, "order_execution_time: '09:31:07' is not a time"),
        ({"order_execution_time": "2024-03-11T09:31"}, "is not a time as YYYY-MM-DD HH:MM:SS"),
        (
            {"order_execution_time": "2024-03-12T09:31:07"},
            "trade_date: 2024-03-11, but order_execution_time is on 2024-03-12",
        ),
        ({"trade_date": ""}, "trade_date: missing or empty"),
        ({"trade_date": "20240311"}, "trade_date: '20240311' is not a day as YYYY-MM-DD"),
        ({"trade_date": "2024-02-30"}, "trade_date: '2024-02-30' is not a day"),
        ({"trade_type": "transfer"}, "trade_type: 'TRANSFER' is neither BUY nor SELL"),
        ({"trade_id": ""}, "trade_id: missing or empty"),
        ({"trade_id": "7.00123E+14"}, "trade_id: '7.00123E+14' was shortened by a spreadsheet"),
        ({"order_id": "1.1E+15"}, "order_id: '1.1E+15' was shortened by a spreadsheet"),
        ({"order_id": ""}, "order_id: missing or empty"),
        ({"symbol": " "}, "symbol: missing or empty"),
        ({"exchange": "NYSE"}, "exchange: 'NYSE' with segment 'EQ' is no known pair"),
        ({"segment": "MF"}, "segment: MF, and these books keep no mutual funds"),
        ({"symbol": "A,B"}, "the line has 14 values, the header 13 columns"),
        ({"symbol": "TATA\0STEEL"}, "the line has NUL bytes"),
        ({"symbol": '"TATASTEEL'}, "the line's quotes or line ends are broken"),
        ({"symbol": '"TATA"STEEL'}, "the line's quotes or line ends are broken"),
        ({"symbol": "TATA\rSTEEL"}, "the line's quotes or line ends are broken"),
        ({"symbol": "A" * 5_000}, "symbol: text of 5000 characters is too long"),
        ({"symbol": "A" * 17_000}, "the line is longer than 16384 bytes"),
        ({"symbol": "A" * 99_000}, "the line is longer than 16384 bytes"),
    ],
)
def test_a_bad_row_is_told_and_the_next_one_goes_in(
    desk: Desk, change: dict[str, str], reason: str
) -> None:
    found = desk.read(csv(ROW | change, ROW))
    assert list(found.reasons) == [2]
    assert reason in found.reasons[2]
    assert [(row.line, row.fill) for row in found.rows if row.fill] == [(3, FILL)]


def test_a_reject_names_the_trade_and_keeps_the_row_as_json(desk: Desk) -> None:
    (row,) = desk.read(csv(ROW | {"price": "cheap"})).rows
    assert row.reject
    assert row.reject.row_id == "700123"
    assert json.loads(row.reject.raw) == ROW | {"price": "cheap"}


def test_a_cut_off_last_line_is_told(desk: Desk) -> None:
    content = csv(ROW, ROW | {"trade_id": "2"})
    for cut in range(1, len(content.splitlines()[-1])):
        found = desk.read(content[: -1 - cut])
        assert found.fills == [FILL]
        assert list(found.reasons) == [3]


@pytest.mark.parametrize("isin", ["", "NA", "-", "INE081A0102", "INE081A010200"])
def test_what_is_no_isin_is_none(desk: Desk, isin: str) -> None:
    assert [fill.isin for fill in desk.read(csv(ROW | {"isin": isin})).fills] == [""]


@pytest.mark.parametrize("name", [n for n in ROW if n not in {"isin", "series", "auction"}])
def test_a_missing_column_is_named(desk: Desk, name: str) -> None:
    columns = [column for column in ROW if column != name]
    assert desk.refusal(csv(ROW, columns=columns)).endswith(f"lacks the column(s) {name}")


def test_a_column_that_stands_twice_is_named(desk: Desk) -> None:
    assert desk.refusal(csv(ROW, columns=[*ROW, "price"])).endswith("column(s) price twice")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"\n \r\n", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (csv(), "the file holds no trades"),
        (csv() + b"\n\n", "the file holds no trades"),
        (b"Date,Narration,Debit,Credit\n1,2,3,4\n", "no trade history that tradesync knows; it "),
        (b"<!DOCTYPE html>\n<html>", "it begins: '<!DOCTYPE html>'"),
        (b'"symbol,isin', "no trade history that tradesync knows"),
        (csv(ROW).decode().encode("utf-16"), "is UTF-16 text; import it as downloaded"),
        (csv(ROW).decode().encode("utf-16-be"), "is UTF-16 text"),
        (csv(ROW, ROW | {"symbol": "NESTL\xc9"}).decode().encode("latin-1"), "line 3 is not UTF-8"),
        (csv(ROW, columns=[*ROW]).replace(b"isin", b"i\xffin"), "line 1 is not UTF-8 text"),
        (csv(ROW).replace(b"\n", b"\r"), "lines end in a carriage return alone"),
        (b"x" * 20_000, "line 1 is longer than 16384 bytes"),
        (b"PK\x03\x04" + b"\0" * 100, "an Excel workbook; download the tradebook as CSV"),
        (b"\0" * 5_000, "is UTF-16 text"),
    ],
)
def test_a_file_that_is_no_tradebook_is_refused_in_words(
    desk: Desk, content: bytes, words: str
) -> None:
    assert words in desk.refusal(content)


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefusedError, match="no_such: does not exist"):
        open_tradebook(tmp_path / "no_such")
    with pytest.raises(FileRefusedError, match="is not a file"):
        open_tradebook(tmp_path)
    book = Desk(tmp_path).open(csv(ROW))
    book.path.unlink()
    with pytest.raises(FileRefusedError, match="cannot be read: No such file"):
        list(book.chunks())


def test_an_identical_row_counts_once_and_a_differing_one_is_told(desk: Desk) -> None:
    rows = [ROW, ROW | {"price": "147.35"}, ROW | {"price": "147.40"}, ROW | {"quantity": "13"}]
    for size in (1, 2, 100):
        found = desk.read(csv(*rows), size)
        assert (found.fills, found.repeated) == ([FILL], 1)
        assert found.reasons == {
            4: "trade_id: '700123' is on line 2 too, and line 4 differs",
            5: "trade_id: '700123' is on line 2 too, and line 5 differs",
        }


def test_a_trade_id_may_come_again_on_another_day_exchange_or_side(desk: Desk) -> None:
    others = [
        {"trade_type": "sell"},
        {"exchange": "BSE"},
        {"segment": "FO"},
        {"trade_date": "2024-03-12", "order_execution_time": "2024-03-12T09:31:07"},
    ]
    found = desk.read(csv(ROW, *(ROW | other for other in others)))
    assert (len(found.fills), found.reasons, found.repeated) == (5, {}, 0)


def test_chunks_are_bounded_tell_how_far_they_are_and_can_be_read_again(desk: Desk) -> None:
    content = csv(*(ROW | {"trade_id": str(number)} for number in range(1, 8)))
    book = desk.open(content)
    first, second = list(book.chunks(3)), list(book.chunks(3))
    assert first == second
    assert [len(chunk.rows) for chunk in first] == [3, 3, 1]
    read = [chunk.read for chunk in first]
    assert read[0] == len(b"\n".join(content.splitlines()[:4])) + 1
    assert read == sorted(read)
    assert read[-1] == book.size == len(content)


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
    (fill,) = desk.read(saved(page(OPTION | change))).fills
    assert (fill.exchange, fill.symbol, fill.product) == (exchange, symbol, "NRML")


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


words = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1)
ids = st.text("0123456789ABCDEF", min_size=1, max_size=20).filter(
    lambda text: "E" not in text or not text.replace("E", "0").isdigit()
)
places = st.sampled_from(
    [("NSE", "EQ", "NSE"), ("BSE", "EQ", "BSE"), ("NSE", "FO", "NFO"), ("MCX", "COM", "MCX")]
)


@st.composite
def traded(draw: st.DrawFn) -> tuple[dict[str, str], Fill]:
    """A row as Console writes it, and the fill it stands for."""
    house, segment, exchange = draw(places)
    at = draw(st.datetimes(datetime(1995, 1, 1), datetime(2035, 1, 1))).replace(microsecond=0)  # noqa: DTZ001
    fill = Fill(
        trade_id=draw(ids),
        broker_order_id=draw(ids),
        trade_date=at.date(),
        exchange=exchange,
        symbol=draw(words),
        product="CNC" if segment == "EQ" else "NRML",
        side=draw(st.sampled_from(Side)),
        quantity=draw(st.integers(1, INT64_MAX)),
        price=draw(st.integers(-INT64_MAX, INT64_MAX)),
        filled_at=at.replace(tzinfo=UTC) - timedelta(hours=5, minutes=30),
        isin=draw(st.from_regex(r"[A-Z]{2}[A-Z0-9]{9}[0-9]", fullmatch=True) | st.just("")),
    )
    quoted = '"{}"'.format(fill.symbol.replace('"', '""'))
    row = ROW | {
        "symbol": quoted, "isin": fill.isin, "trade_date": str(at.date()), "exchange": house,
        "segment": segment, "trade_type": fill.side.lower(), "quantity": f"{fill.quantity}.000000",
        "price": format_price(fill.price), "trade_id": fill.trade_id,
        "order_id": fill.broker_order_id, "order_execution_time": at.isoformat(),
    }  # fmt: skip
    return row, fill


@settings(deadline=None)
@given(
    rows=st.lists(traded(), min_size=1, max_size=20, unique_by=lambda row: row[1].fill_id),
    columns=st.permutations(list(ROW)),
    size=st.integers(1, 25),
)
def test_written_fills_are_read_back_the_same(
    shared_desk: Desk, rows: list[tuple[dict[str, str], Fill]], columns: list[str], size: int
) -> None:
    found = shared_desk.read(csv(*(row for row, _ in rows), columns=columns), size)
    assert found.reasons == {}
    assert found.fills == [fill for _, fill in rows]
    assert [row.line for row in found.rows] == list(range(2, len(rows) + 2))


samples = st.sampled_from(
    [csv(ROW, ROW | {"trade_id": "2"}), saved(page(TRADE, OPTION)), saved([page(TRADE)] * 2)]
)
spoilt = st.builds(
    lambda sample, at, junk, cut: (
        sample[: at % len(sample)] + junk + sample[at % len(sample) :][cut:]
    ),
    samples,
    st.integers(0, 10_000),
    st.binary(max_size=6) | st.sampled_from([b'"', b",", b"\n", b"\0", b"\\ud800", b"9" * 5_000]),
    st.integers(0, 40),
)


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200) | spoilt)
def test_whatever_the_bytes_a_file_is_read_told_or_refused(
    shared_desk: Desk, content: bytes
) -> None:
    try:
        found = shared_desk.read(content, 2)
    except FileRefusedError:
        return
    assert found.rows
    for row in found.rows:
        assert (row.fill is None) is (row.reject is not None)
        if row.reject:
            assert row.reject.reason
            f"{row.reject.row_id}{row.reject.reason}{row.reject.raw}".encode()
            assert "\0" not in row.reject.row_id + row.reject.reason + row.reject.raw
        if row.fill:
            assert row.fill.quantity > 0
            assert row.fill.filled_at.tzinfo is UTC


def test_a_long_file_takes_no_more_memory_than_a_chunk(desk: Desk) -> None:
    count, line = 20_000, ",".join([*ROW.values(), "x" * 2_450])
    with desk.path.open("w") as file:
        file.write(",".join([*ROW, "remarks"]) + "\n")
        for number in range(count):
            file.write(line.replace("700123", str(number)) + "\n")
    assert desk.path.stat().st_size > 50_000_000
    tracemalloc.start()
    try:
        rows = sum(len(chunk.rows) for chunk in open_tradebook(desk.path).chunks(500))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert rows == count
    assert peak < 2_000_000
