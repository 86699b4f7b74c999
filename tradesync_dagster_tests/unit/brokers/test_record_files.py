"""Files of records: what is read, what is refused, and in which words."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tradesync_dagster.brokers import record_files
from tradesync_dagster.brokers.record_files import KINDS, RecordFile
from tradesync_dagster.domain.answers import Reject
from tradesync_dagster.domain.errors import FileRefusedError
from tradesync_dagster.domain.facts import Conversion, CorporateAction, Settlement
from tradesync_dagster.domain.money import INT64_MAX
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.domain.records import ClosingPrice

ISIN, NEW = "INE009A01021", "INE009A01039"
ACTION = {
    "isin": ISIN, "ex_date": "2026-03-03", "kind": "split", "shares_after": "5",
    "shares_before": "1", "bonus": "", "new_isin": NEW,
}  # fmt: skip
SETTLEMENT = {
    "exchange": "NFO",
    "symbol": "NIFTY26MAR24000CE",
    "expiry": "2026-03-26",
    "price": "0",
}
CONVERSION = {
    "conversion_id": "C1", "trade_date": "2026-03-02", "exchange": "NSE", "symbol": "INFY",
    "side": "BUY", "from_product": "MIS", "to_product": "CNC", "quantity": "3",
    "overnight": "false",
}  # fmt: skip
PRICE = {"exchange": "NSE", "symbol": "INFY", "trade_date": "2026-03-02", "price": "1500.05"}
GOOD = {"actions": ACTION, "settlements": SETTLEMENT, "conversions": CONVERSION, "prices": PRICE}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.csv"


def written(path: Path, *rows: dict[str, str]) -> Path:
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def one(path: Path, kind: str, changes: dict[str, str] | None = None) -> Any:
    """Read a file of one row, the good one but for what is given."""
    ((line, found),) = RecordFile(written(path, GOOD[kind] | (changes or {})), kind).rows()
    assert line == 2
    return found


def test_every_kind_is_read(path: Path) -> None:
    assert set(GOOD) == set(KINDS)
    assert one(path, "actions") == CorporateAction(ISIN, date(2026, 3, 3), "split", 5, 1, NEW)
    assert one(path, "settlements") == Settlement("NFO", "NIFTY26MAR24000CE", date(2026, 3, 26), 0)
    assert one(path, "conversions") == Conversion(
        0, "C1", date(2026, 3, 2), "NSE", "INFY", Side.BUY, "MIS", "CNC", 3, overnight=False
    )
    assert one(path, "prices") == ClosingPrice("NSE", "INFY", date(2026, 3, 2), 1_500_050_000)


@pytest.mark.parametrize(
    ("changes", "ratio"),
    [
        ({}, (5, 1)),
        ({"shares_after": "10", "shares_before": "2"}, (5, 1)),
        ({"kind": "BONUS", "shares_after": "3", "shares_before": "2"}, (3, 2)),
        ({"kind": "consolidation", "shares_after": "1", "shares_before": "10"}, (1, 10)),
        ({"kind": "bonus", "shares_after": "", "shares_before": "", "bonus": "1:2"}, (3, 2)),
        ({"kind": "bonus", "shares_after": "", "shares_before": "", "bonus": "1:1"}, (2, 1)),
        ({"kind": "bonus", "shares_after": "", "shares_before": "", "bonus": "2:4"}, (3, 2)),
    ],
)
def test_a_ratio_is_shares_after_for_shares_before(
    path: Path, changes: dict[str, str], ratio: tuple[int, int]
) -> None:
    found = one(path, "actions", changes)
    assert (found.shares_after, found.shares_before) == ratio


def test_columns_that_are_not_needed_may_be_left_out(path: Path) -> None:
    row = {name: ACTION[name] for name in ("kind", "ex_date", "isin")}
    plain = row | {"Shares_After ": "5", "shares_before": "1", "remarks": "any"}
    ((_, found),) = RecordFile(written(path, plain), "actions").rows()
    assert found == CorporateAction(ISIN, date(2026, 3, 3), "split", 5, 1)
    ((_, found),) = RecordFile(
        written(path, row | {"kind": "bonus", "bonus": "1:1"}), "actions"
    ).rows()
    assert (found.shares_after, found.shares_before) == (2, 1)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        ("actions", {"isin": ""}, "isin: missing or empty"),
        ("actions", {"isin": "INFY"}, "isin: 'INFY' is no ISIN"),
        ("actions", {"new_isin": "NA"}, "new_isin: 'NA' is no ISIN"),
        ("actions", {"new_isin": ISIN}, "new_isin: the same as isin"),
        ("actions", {"ex_date": "03-03-2026"}, "ex_date: '03-03-2026' is not a day"),
        ("actions", {"ex_date": "2026-02-30"}, "ex_date: '2026-02-30' is not a day"),
        ("actions", {"kind": "merger"}, "kind: 'merger' is none of"),
        ("actions", {"shares_after": ""}, "shares_after: missing or empty"),
        ("actions", {"shares_before": "0"}, "shares_before: 0 is below 1"),
        ("actions", {"shares_after": "1.5"}, "shares_after: '1.5' has more digits"),
        ("actions", {"shares_after": "100001"}, "shares_after: 100001 is above 100000"),
        ("actions", {"shares_after": "1", "shares_before": "5"}, "after a split there are more"),
        ("actions", {"shares_after": "1"}, "after a split there are more"),
        ("actions", {"kind": "bonus", "shares_after": "1", "shares_before": "2"}, "after a bonus"),
        ("actions", {"kind": "consolidation"}, "after a consolidation there are fewer"),
        ("actions", {"kind": "consolidation", "shares_after": "1"}, "there are fewer shares"),
        ("actions", {"kind": "bonus", "bonus": "1:2"}, "bonus: only for a bonus, and instead of"),
        (
            "actions",
            {"shares_after": "", "shares_before": "", "bonus": "1:2"},
            "bonus: only for a bonus",
        ),
        (
            "actions",
            {"kind": "bonus", "shares_after": "", "shares_before": "", "bonus": "0:2"},
            "bonus: '0:2' is not NEW:HELD",
        ),
        ("settlements", {"exchange": "NSEFO"}, "exchange: 'NSEFO' is none of BCD, BFO"),
        ("settlements", {"symbol": " "}, "symbol: missing or empty"),
        ("settlements", {"expiry": "26 Mar"}, "expiry: '26 Mar' is not a day"),
        ("settlements", {"price": ""}, "price: missing or empty"),
        ("settlements", {"price": "1.0000001"}, "price: '1.0000001' has more digits"),
        ("conversions", {"conversion_id": ""}, "conversion_id: missing or empty"),
        ("conversions", {"side": "LONG"}, "side: 'LONG' is neither BUY nor SELL"),
        ("conversions", {"from_product": "INTRADAY"}, "from_product: 'INTRADAY' is none of CNC"),
        ("conversions", {"to_product": "mis"}, "to_product: MIS is from_product too"),
        ("conversions", {"quantity": "0"}, "quantity: 0 is below 1"),
        ("conversions", {"quantity": str(INT64_MAX + 1)}, "quantity: "),
        ("conversions", {"overnight": ""}, "overnight: missing or empty"),
        ("conversions", {"overnight": "maybe"}, "overnight: 'maybe' is neither true nor false"),
        ("prices", {"price": "NaN"}, "price: 'NaN' is not a number"),
        ("prices", {"trade_date": ""}, "trade_date: missing or empty"),
    ],
)
def test_a_bad_row_says_what_is_wrong_with_which_column(
    path: Path, kind: str, changes: dict[str, str], words: str
) -> None:
    found = one(path, kind, changes)
    assert isinstance(found, Reject)
    assert found.reason.startswith(words) or words in found.reason


def test_good_rows_stand_beside_bad_ones_with_their_lines(path: Path) -> None:
    written(path, PRICE, PRICE | {"price": "x"}, PRICE | {"trade_date": "2026-03-03"})
    with path.open("a") as stream:
        stream.write('\n"NSE,INFY\nNSE,INFY\n')
    found = RecordFile(path, "prices").rows()
    assert [(line, isinstance(row, Reject)) for line, row in found] == [
        (2, False), (3, True), (4, False), (6, True), (7, True),
    ]  # fmt: skip
    rejects = {line: row for line, row in found if isinstance(row, Reject)}
    assert rejects[3].row_id == "INFY"
    assert "quotes" in rejects[6].reason
    assert "2 values, the header 4 columns" in rejects[7].reason


def refusal(path: Path, kind: str = "actions") -> str:
    with pytest.raises(FileRefusedError) as caught:
        RecordFile(path, kind).rows()
    assert str(caught.value).startswith("records.csv: ")
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"isin,ex_date,kind\n", "holds no records, only its header"),
        (b"isin,ex_date\nx,y\n", "lacks the column(s) kind"),
        (b"isin,isin,ex_date,kind\n", "has the column(s) isin twice"),
        (b"date,narration\n1,2\n", "no file of corporate actions; it begins: 'date,narration'"),
        (b"PK\x03\x04rest", "an Excel workbook; save it as CSV UTF-8"),
        ("isin,ex_date,kind\n".encode("utf-16"), "UTF-16 text; save it as CSV UTF-8"),
        (b"isin,ex_date,kind\n\xff,,\n", "line 2 is not UTF-8 text"),
    ],
)
def test_a_file_that_is_none_is_refused_in_words(path: Path, content: bytes, words: str) -> None:
    path.write_bytes(content)
    assert words in refusal(path)


def test_a_file_of_another_kind_names_its_columns(path: Path) -> None:
    found = refusal(written(path, PRICE))
    assert "no file of corporate actions" in found
    assert "Its columns are isin, ex_date, kind (docs/records.md)" in found


def test_a_file_that_is_missing_or_too_large_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "does not exist" in refusal(path)
    monkeypatch.setattr(record_files, "MAX_BYTES", 100)
    written(path, *[PRICE] * 10)
    assert "larger than 0 MB" in refusal(path, "prices")


def test_the_examples_of_the_guide_are_read(path: Path) -> None:
    guide = (Path(__file__).resolve().parents[3] / "docs" / "records.md").read_text()
    blocks = [part.split("```")[0] for part in guide.split("```csv\n")[1:]]
    assert len(blocks) == len(KINDS)
    for kind, block in zip(KINDS, blocks, strict=True):
        path.write_text(block)
        assert not [row for _, row in RecordFile(path, kind).rows() if isinstance(row, Reject)]
