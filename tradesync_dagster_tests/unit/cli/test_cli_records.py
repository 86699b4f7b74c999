"""``tradesync records`` and ``tradesync fills`` over real SQLite books."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.history import catch_up
from tradesync_dagster_tests.support.commands import only_sentence, refused, told, tradesync

KEY = "acme/main"
ISIN = "INE009A01021"
AT = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
BOUGHT = Fill(
    "1", "O1", date(2026, 3, 2), "NSE", "INFY", "CNC", Side.BUY, 10, 1_000_000_000, AT, ISIN
)
THIS = (KEY, "2026-03-02", "NSE:1:BUY")
BY = ("--reason", "the exchange said so", "--who", "asha")
HEADER = "isin,ex_date,kind,shares_after,shares_before\n"


@pytest.fixture(autouse=True)
def bought(store: SqlStore) -> None:
    with store.begin([1]) as work:
        work.add_fills([(1, BOUGHT)], "tradebook")
        catch_up(work, [1], AT)


def written(text: str) -> str:
    Path("records.csv").write_text(text)
    return "records.csv"


def test_actions_are_imported_and_bad_rows_listed() -> None:
    file = written(HEADER + f"{ISIN},2026-03-04,split,5,1\n{ISIN},2026-03-05,split,1,5\n")
    found = told("records", "import", "actions", file)
    (bad,) = found.pop("rejects")
    assert (bad["line"], bad["record"]) == (3, ISIN)
    assert bad["reason"].startswith("shares_after: 1 for 5 before")
    assert found == {
        "file": "records.csv", "kind": "actions", "status": "imported", "changed": 1, "known": 0,
        "repeated": 0, "rejected": 1, "rebuilt": [{"account": KEY, "since": "2026-03-04"}],
    }  # fmt: skip
    again = tradesync("records", "import", "actions", file)
    assert again.exit_code == 0
    assert "Made anew" not in again.stdout
    assert "Bad rows" in again.stdout


def test_what_was_imported_by_mistake_is_withdrawn() -> None:
    file = written(HEADER + f"{ISIN},2026-03-04,split,5,1\n")
    assert told("records", "import", "actions", file)["status"] == "imported"
    gone = told("records", "withdraw", "actions", file)
    assert (gone["status"], gone["changed"]) == ("withdrawn", 1)
    assert gone["rebuilt"] == [{"account": KEY, "since": "2026-03-04"}]


def test_a_strict_import_takes_nothing_from_a_file_with_a_bad_row() -> None:
    file = written(HEADER + f"{ISIN},2026-03-04,split,5,1\nx,2026-03-04,split,5,1\n")
    found = tradesync("records", "import", "actions", file, "--strict", "--json")
    assert "1 bad row(s), so that nothing was taken" in only_sentence(found)
    assert json.loads(found.stdout)["status"] == "refused"
    assert told("records", "import", "actions", file)["changed"] == 1


def test_bad_rows_that_are_too_many_to_list_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradesync_dagster.sync.recording_facts.MOST_SHOWN", 2)
    found = tradesync("records", "import", "actions", written(HEADER + "x,,,,\n" * 5))
    assert found.exit_code == 0
    assert "3 more bad row(s) are not listed" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("actions", "none.csv"), "none.csv: does not exist"),
        (("conversions", "records.csv"), "needs --account ORG/ACCOUNT"),
        (("actions", "records.csv", "--account", KEY), "takes no --account"),
        (("conversions", "records.csv", "--account", "acme/none"), "acme/none"),
        (("prices", "records.csv"), "no file of closing prices"),
    ],
)
def test_what_cannot_be_imported_is_a_sentence(arguments: tuple[str, ...], words: str) -> None:
    written(HEADER)
    assert words in refused("records", "import", *arguments)


def test_conversions_are_the_accounts_own() -> None:
    file = written(
        "conversion_id,trade_date,exchange,symbol,side,from_product,to_product,quantity,overnight\n"
        "C1,2026-03-02,NSE,INFY,BUY,CNC,MIS,4,no\n"
    )
    found = told("records", "import", "conversions", file, "--account", KEY)
    assert found["rebuilt"] == [{"account": KEY, "since": "2026-03-02"}]


def test_fills_are_listed_corrected_and_annulled() -> None:
    shown = told("fills", "list", KEY, "--days", "3660")
    assert [(r["fill_id"], r["quantity"], r["price"], r["annulled_at"]) for r in shown] == [
        ("NSE:1:BUY", 10, "1000.00", None)
    ]
    change = ("fills", "correct", *THIS, "--quantity", "7", "--price", "999.05", *BY)
    assert "is corrected" in tradesync(*change).stdout
    assert "nothing was changed" in tradesync(*change).stdout
    assert "is annulled" in tradesync("fills", "annul", *THIS, *BY).stdout
    assert "was annulled already" in tradesync("fills", "annul", *THIS, *BY).stdout
    back = tradesync("fills", "correct", *THIS, "--product", "mis", *BY)
    assert back.stdout == "Fill NSE:1:BUY of 2026-03-02 is corrected.\n"
    (row,) = told("fills", "list", KEY, "--days", "3660")
    assert (row["quantity"], row["price"], row["product"], row["annulled_at"]) == (
        7, "999.05", "MIS", None,
    )  # fmt: skip
    kept = told("fills", "corrections", KEY)
    assert [(r["who"], r["after"] and r["after"]["product"]) for r in kept] == [
        ("asha", "MIS"), ("asha", None), ("asha", "CNC"),
    ]  # fmt: skip
    assert kept[2]["before"]["price"] == "1000.00"
    page = tradesync("fills", "corrections", KEY).stdout
    for words in ("annulled", "counts again; product CNC -> MIS", "quantity 10 -> 7"):
        assert words in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("correct", *THIS, "--quantity", "1.5", *BY), "quantity: '1.5' has more digits"),
        (("correct", *THIS, "--price", "cheap", *BY), "price: 'cheap' is not a number"),
        (("correct", *THIS, "--product", "INTRADAY", *BY), "none of CNC, MIS, NRML, MTF"),
        (("annul", KEY, "2026-03-03", "NSE:1:BUY", *BY), "no fill 'NSE:1:BUY' on 2026-03-03"),
        (("annul", "acme/none", "2026-03-02", "NSE:1:BUY", *BY), "acme/none"),
        (("annul", *THIS, "--reason", "", "--who", "asha"), "needs a reason"),
    ],
)
def test_what_cannot_be_corrected_is_a_sentence(arguments: tuple[str, ...], words: str) -> None:
    assert words in refused("fills", *arguments)


def test_a_reason_and_a_name_are_always_asked_for() -> None:
    assert tradesync("fills", "annul", *THIS).exit_code == 2
    assert tradesync("fills", "correct", KEY, "2 March", "NSE:1:BUY", *BY).exit_code == 2
    assert tradesync("records", "import", "dividends", "x.csv").exit_code == 2
