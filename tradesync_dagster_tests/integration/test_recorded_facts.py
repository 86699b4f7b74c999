"""What people record, in books with a history: the right days are made anew, and nothing else."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tradesync_dagster.domain.answers import Reject
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.facts import Conversion, CorporateAction
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.domain.records import ClosingPrice
from tradesync_dagster.store.store import SqlUnitOfWork
from tradesync_dagster.sync.history import as_of, catch_up, rebuild_history
from tradesync_dagster.sync.recording_facts import Record, import_records
from tradesync_dagster_tests.support.record_books import (
    CALL,
    EXPIRY,
    NEW,
    NOW,
    OLD,
    OTHER,
    RUPEE,
    SPLIT,
    Books,
    File,
    day,
    fill,
    open_books,
)
from tradesync_dagster_tests.support.store_frames import dump, stored


@pytest.fixture
def books(database_url: str) -> Iterator[Books]:
    with open_books(database_url) as opened:
        yield opened


def test_a_split_changes_lots_from_its_day_and_holdings_before_it_keep_their_count(
    books: Books,
) -> None:
    books.trade(1, fill(1, 0, 10, 1000), fill(2, 1, 4, 1103), fill(3, 8, -60, 230, isin=NEW))
    before = [books.lots(n) for n in (1, 3)]
    result = books.take("actions", SPLIT)
    assert (result.changed, result.rebuilt) == (1, {"ORG/A1": day(0)})
    named = [[(NEW, *lot[1:]) for lot in lots] for lots in before]
    assert [books.lots(n) for n in (1, 3)] == named, "as before, under the newest ISIN"
    assert books.held(3) == [(NEW, 14, 1029_428571)]
    split = [
        (NEW, "CNC", "NSE:1:BUY", 50, 200 * RUPEE), (NEW, "CNC", "NSE:2:BUY", 20, 220_600_000),
    ]  # fmt: skip
    assert [books.lots(n) for n in (4, 7)] == [split, split]
    assert books.held(4) == [(NEW, 70, 205_885714)]
    assert books.lots(8) == [(NEW, "CNC", "NSE:2:BUY", 10, 220_600_000)]
    sold = [row for row in stored(books.store, "position_days") if row["trade_date"] == day(8)]
    assert [row["realised_pnl"] for row in sold] == [
        str((50 * (230 - 200) * RUPEE) + 10 * (230 * RUPEE - 220_600_000))
    ]
    assert books.agree()


def test_recording_before_or_after_trading_gives_the_same_books(books: Books) -> None:
    fills = [fill(1, 0, 10, 1000), fill(2, 1, 4, 1103), fill(3, 8, -60, 230, isin=NEW)]
    books.take("actions", SPLIT)
    books.trade(1, *fills)
    first = books.made()
    books.trade(2, *fills)
    books.take("actions", replace(SPLIT, shares_after=2))
    books.take("actions", SPLIT)
    again = books.made()
    for name, rows in first.items():
        assert rows == [row for row in again[name] if row["account_id"] == 1]
        assert len(again[name]) == 2 * len(rows)
    assert books.agree()


RECORDS: dict[str, Record] = {
    "actions": SPLIT,
    "settlements": EXPIRY,
    "conversions": Conversion(0, "C1", day(3), "NSE", "INFY", Side.BUY, "MIS", "CNC", 2, False),
    "prices": ClosingPrice("NSE", "INFY", day(3), RUPEE),
}


def history(books: Books) -> None:
    """Give an account something that each of the records concerns."""
    option = {"exchange": "NFO", "symbol": CALL, "product": "NRML", "isin": ""}
    bought = fill(2, 3, 5, 1000, product="MIS")
    books.trade(1, fill(1, 0, 10, 1000), bought, fill(3, 0, 75, 120, **option))


@pytest.mark.parametrize("kind", RECORDS)
def test_the_same_file_twice_changes_nothing(books: Books, kind: str) -> None:
    history(books)
    first = books.take(kind, RECORDS[kind])
    assert (first.changed, first.known, first.repeated) == (1, 0, 0)
    before = dump(books.store)
    row = RECORDS[kind]
    again = books.take(kind, row, row, now=NOW + timedelta(hours=1))
    assert (again.changed, again.known, again.repeated, again.rebuilt) == (0, 1, 1, {})
    assert dump(books.store) == before


@pytest.mark.parametrize("kind", RECORDS)
def test_a_withdrawn_record_is_as_if_it_never_was(books: Books, kind: str) -> None:
    history(books)
    before = books.made()
    row = RECORDS[kind]
    books.take(kind, row)
    assert (books.made() == before) == (kind == "prices")
    name = next(n for n in ("shares_after", "price", "quantity") if hasattr(row, n))
    unlike = books.take(kind, replace(row, **{name: 9}), withdraw=True)
    assert (unlike.changed, unlike.known, unlike.rebuilt) == (0, 1, {})
    gone = books.take(kind, row, withdraw=True)
    assert (gone.changed, gone.known) == (1, 0)
    assert books.made() == before
    assert as_of(books.store, [1], day(9)).holdings[0]["last_price"] is None
    assert books.agree()
    assert books.take(kind, row, withdraw=True).changed == 0


def test_only_the_accounts_concerned_are_made_anew(books: Books) -> None:
    books.trade(1, fill(1, 0, 10, 1000))
    books.trade(2, fill(2, 0, 10, 1000, symbol="TCS", isin=OTHER), fill(3, 1, 5, 9, product="MIS"))
    books.trade(2, fill(4, 0, 7, 1000), fill(5, 2, -7, 1000))
    untouched = [row for row in stored(books.store, "lots") if row["account_id"] == 2]
    result = books.take("actions", replace(SPLIT, new_isin=""))
    assert result.rebuilt == {"ORG/A1": day(4)}, "the other sold its shares before the ex-date"
    assert [row for row in stored(books.store, "lots") if row["account_id"] == 2] == untouched
    assert books.take("actions", replace(SPLIT, ex_date=day(1), new_isin="")).rebuilt == {
        "ORG/A1": day(1),
        "ORG/A2": day(1),
    }
    assert books.agree()


def test_a_new_isin_joins_the_queues_of_an_account_that_traded_both(books: Books) -> None:
    books.trade(1, fill(1, 0, 10, 1000), fill(2, 5, -20, 300, isin=NEW))
    books.trade(2, fill(3, 0, 7, 1000), fill(4, 0, -7, 1000))
    assert {lot[0] for lot in books.lots(6)} == {OLD, NEW}
    assert books.take("actions", SPLIT).rebuilt == {"ORG/A1": day(0), "ORG/A2": day(0)}
    assert books.lots(6) == [(NEW, "CNC", "NSE:1:BUY", 30, 200 * RUPEE)]
    corrected = replace(SPLIT, new_isin="")
    assert books.take("actions", corrected).rebuilt == {"ORG/A1": day(0), "ORG/A2": day(0)}
    assert {lot[0] for lot in books.lots(6)} == {OLD, NEW}
    assert books.agree()


def test_an_account_whose_lease_is_not_taken_is_marked(books: Books) -> None:
    books.trade(1, fill(1, 0, 10, 1000))
    books.trade(2, fill(2, 0, 10, 1000))
    with books.store.begin([1]) as work:
        done = work.put_actions([SPLIT])
        assert done.since == {1: day(0), 2: day(0)}
        catch_up(work, [1], NOW)
        assert [one.stale_from for one in work.generations([1, 2]).values()] == [None, day(0)]
    books.forgotten()
    assert books.lots(4, 2) == [(NEW, "CNC", "NSE:2:BUY", 50, 200 * RUPEE)]
    assert books.agree()


def test_an_expiry_closes_an_option_at_nothing(books: Books) -> None:
    option = {"exchange": "NFO", "symbol": CALL, "product": "NRML", "isin": ""}
    books.trade(1, fill(1, 0, 75, 120, **option), fill(2, 1, -25, 100, **option))
    books.trade(2, fill(3, 0, 75, 120, **option), fill(4, 3, -75, 100, **option))
    result = books.take("settlements", EXPIRY)
    assert result.rebuilt == {"ORG/A1": day(4)}, "the other was flat before"
    assert [lot[3] for lot in books.lots(3)] == [50]
    assert books.lots(4) == []
    days = {row["trade_date"]: row for row in stored(books.store, "position_days")}
    assert days[day(4)]["realised_pnl"] == str(-50 * 120 * RUPEE)
    assert (days[day(4)]["quantity"], days[day(4)]["losses"]) == (0, 1)
    expiries = {row["symbol"]: row["expiry"] for row in stored(books.store, "instruments")}
    assert expiries == {CALL: day(4)}
    assert books.agree()
    later = replace(EXPIRY, expiry=day(7), price=30 * RUPEE)
    assert books.take("settlements", later).rebuilt == {"ORG/A1": day(4)}
    assert [[lot[3] for lot in books.lots(n)] for n in (4, 6, 7)] == [[50], [50], []]
    assert books.agree()


def test_an_expiry_keeps_what_is_known_of_the_instrument(books: Books) -> None:
    row = {
        "exchange": "NFO", "symbol": CALL, "isin": "", "multiplier": 75, "last_price": 7,
        "priced_at": NOW,
    }  # fmt: skip
    with books.store.begin([]) as work:
        work.put_instruments([row], day(0))
    books.take("settlements", EXPIRY)
    (found,) = stored(books.store, "instruments")
    assert found == row | {"expiry": day(4)}


def test_a_conversion_moves_the_days_units(books: Books) -> None:
    mis = {"product": "MIS"}
    books.trade(
        1, fill(1, 3, 10, 1000, **mis), fill(2, 3, 6, 1010, **mis), fill(3, 3, -6, 1020, **mis)
    )
    books.trade(2, fill(4, 3, 10, 1000, **mis))
    move = Conversion(0, "C1", day(3), "NSE", "INFY", Side.BUY, "MIS", "CNC", 10, False)
    with books.store.begin([1]) as work:
        work.put_instruments(
            [{"exchange": "NSE", "symbol": "INFY", "isin": OLD, "multiplier": 1,
              "last_price": None, "priced_at": NOW}], day(0),
        )  # fmt: skip
    assert books.take("conversions", move).rebuilt == {"ORG/A1": day(3)}
    assert [(lot[1], lot[3], lot[4]) for lot in books.lots(3)] == [
        ("CNC", 4, 1000 * RUPEE), ("CNC", 6, 1010 * RUPEE),
    ]  # fmt: skip
    earned = [
        r["realised_pnl"] for r in stored(books.store, "position_days") if r["account_id"] == 1
    ]
    assert sorted(earned) == ["0", str(6 * 20 * RUPEE)], "the sale met what was left intraday"
    assert {lot[1] for lot in books.lots(3, 2)} == {"MIS"}
    assert books.agree()
    assert books.take("conversions", replace(move, quantity=1, trade_date=day(2))).rebuilt == {
        "ORG/A1": day(2)
    }
    assert {lot[1] for lot in books.lots(3)} == {"MIS"}
    assert books.agree()


def test_a_closing_price_values_a_past_day_and_marks_nothing(books: Books) -> None:
    books.trade(1, fill(1, 0, 10, 1000))
    before = books.made()
    prices = [ClosingPrice("NSE", "INFY", day(n), (1000 + n * 100) * RUPEE) for n in (1, 3, 4)]
    result = books.take("prices", *prices)
    assert (result.changed, result.rebuilt) == (3, {})
    assert books.take("prices", *prices[1:]).known == 2
    assert books.made() == before
    (held,) = as_of(books.store, [1], day(2)).holdings
    assert (held["last_price"], held["unrealised_pnl"]) == (1100 * RUPEE, str(1000 * RUPEE))
    assert as_of(books.store, [1], day(0)).holdings == []


def test_rows_of_days_to_come_and_contradictions_are_bad_rows(books: Books) -> None:
    books.trade(1, fill(1, 0, 10, 1000))
    now = datetime(2026, 3, 6, 4, 0, tzinfo=UTC)
    rows = [
        replace(SPLIT, ex_date=day(5)),
        SPLIT,
        replace(SPLIT, shares_after=2),
        Reject("x", "isin: missing or empty", ""),
        replace(SPLIT, kind="bonus", ex_date=day(3), new_isin=OTHER),
        CorporateAction(OTHER, day(3), "split", 2, 1, NEW),
        CorporateAction(NEW, day(3), "split", 2, 1, OLD),
    ]
    before = dump(books.store)
    strict = books.take("actions", *rows, strict=True, now=now)
    assert (strict.refused, strict.changed, strict.rejected) == (True, 0, 6)
    assert dump(books.store) == before
    assert books.take("actions", replace(SPLIT, new_isin=OTHER), now=now).changed == 1
    result = books.take("actions", *rows, now=now)
    assert (result.refused, result.changed, result.rejected) == (False, 1, 6)
    assert {line: reject.reason for line, reject in result.rejects} == {
        2: f"ex_date: {day(5)} is still to come; import it from that day on",
        4: "the record is on line 3 too, and line 4 differs",
        5: "isin: missing or empty",
        6: f"new_isin: {OLD} became {NEW} on {day(4)}",
        7: f"new_isin: {OLD} became it on {day(4)}, and a merger is none of these kinds",
        8: f"new_isin: {OLD} became {NEW} earlier",
    }
    assert books.lots(4) == [(NEW, "CNC", "NSE:1:BUY", 50, 200 * RUPEE)]


def test_a_kind_needs_an_account_or_takes_none(books: Books) -> None:
    with pytest.raises(ConfigurationError, match="a file of conversions needs --account"):
        import_records(books.store, File("conversions", []), None, now=NOW)
    with pytest.raises(ConfigurationError, match="a file of actions takes no --account"):
        import_records(books.store, File("actions", []), books.accounts[0], now=NOW)


def test_a_disabled_account_is_made_anew_too(books: Books) -> None:
    books.trade(2, fill(1, 0, 10, 1000))
    books.store.disable("ORG/A2")
    assert books.take("actions", SPLIT).rebuilt == {"ORG/A2": day(0)}
    assert books.agree()
    rebuild_history(books.store, [2], day(0), NOW)
    assert books.lots(4, 2) == [(NEW, "CNC", "NSE:1:BUY", 50, 200 * RUPEE)]


def test_what_may_concern_any_account_waits_for_every_lease(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    leased: list[list[int]] = []
    begin = books.store.begin

    def noted(account_ids: Sequence[int]) -> AbstractContextManager[SqlUnitOfWork]:
        leased.append(list(account_ids))
        return begin(account_ids)

    monkeypatch.setattr(books.store, "begin", noted)
    books.store.disable("ORG/A2")
    for kind in ("actions", "settlements", "conversions", "prices"):
        books.take(kind)
    assert leased == [[1, 2], [1, 2], [1], []]
