"""Zerodha Console's tradebook: what is read, what is refused, and in which words."""

import json
from pathlib import Path

import pytest

from tradesync_dagster.brokers.tradebooks.files import open_tradebook
from tradesync_dagster.domain.errors import FileRefusedError
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster_tests.support.tradebooks import COLUMNS_12, FILL, ROW, Desk, csv


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
        ({"quantity": "1.25E+05"}, "quantity: '1.25E+05' was shortened by a spreadsheet"),
        ({"price": "12e3"}, "price: '12e3' was shortened by a spreadsheet"),
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
