"""What becomes of a file's rows: taken whole or not at all, once, and every bad one told."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, cast

import pytest

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Reject
from tradesync_dagster.domain.book_states import AddedFills
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.errors import FileRefusedError
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.domain.ports import Store
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.importing import MOST_SHOWN, ImportResult, import_fills

ACCOUNT = Account(7, "acme", "main", "ZERODHA")
NOW = datetime(2024, 6, 3, 12, 0, tzinfo=UTC)
BAD = Reject("9", "price: 'cheap' is not a number", "{}")


def fill(number: int, day: int = 1, **changes: Any) -> Fill:
    made = Fill(
        str(number), "O1", date(2024, 3, day), "NSE", "ITC", "CNC", Side.BUY, 10, 430_000_000,
        datetime(2024, 3, day, 5, 0, tzinfo=UTC),
    )  # fmt: skip
    return replace(made, **changes)


@dataclass
class Row:
    line: int
    fill: Fill | None = None
    reject: Reject | None = None


@dataclass
class Chunk:
    rows: list[Row]
    read: int
    repeated: int = 0
    notices: tuple[str, ...] = ()


@dataclass
class Book:
    """A file: what each pass gives; an error in it is raised there."""

    passes: list[list[Chunk | Exception]]
    broker: str = "ZERODHA"
    name: str = "trades.csv"
    begun: int = 0

    def chunks(self) -> Iterator[Chunk]:
        given = self.passes[min(self.begun, len(self.passes) - 1)]
        self.begun += 1
        for chunk in given:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk


def book(*rows: Fill | Reject, size: int = 2) -> Book:
    """A file of these rows, its header on line 1."""
    numbered = [
        Row(line, fill=row) if isinstance(row, Fill) else Row(line, reject=row)
        for line, row in enumerate(rows, 2)
    ]
    starts = range(0, len(numbered), size)
    return Book([[Chunk(numbered[at : at + size], 100 * (at // size + 1)) for at in starts]])


@dataclass
class Books:
    """The store's promises, kept in memory: a transaction is all or nothing."""

    fills: dict[tuple[int, date, str], Fill] = field(default_factory=dict)
    rejects: list[tuple[int, str, Reject]] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    leases: list[list[int]] = field(default_factory=list)

    @contextmanager
    def begin(self, account_ids: Sequence[int]) -> Iterator["Books"]:
        self.leases.append(list(account_ids))
        work = Books(dict(self.fills), list(self.rejects), list(self.breaks))
        yield work
        self.fills, self.rejects, self.breaks = work.fills, work.rejects, work.breaks

    def add_fills(self, account_fills: Iterable[tuple[int, Fill]], source: str) -> AddedFills:
        assert source == "tradebook"
        done = AddedFills()
        for account_id, sent in account_fills:
            stored = self.fills.setdefault((account_id, sent.trade_date, sent.fill_id), sent)
            if stored is sent:
                done.added += 1
                earliest = done.since.get(account_id, sent.trade_date)
                done.since[account_id] = min(earliest, sent.trade_date)
            elif stored.same_trade(sent):
                done.known += 1
            else:
                done.differing.append((account_id, stored, sent))
        return done

    def add_rejects(self, rejects: Iterable[tuple[int, str, Reject]], at: datetime) -> None:
        assert at == NOW
        self.rejects += rejects

    def put_breaks(self, breaks: Iterable[Break]) -> None:
        self.breaks += breaks


class Desk:
    """Imports into one store, and keeps what the hooks were told."""

    def __init__(self) -> None:
        self.books = Books()
        self.progress: list[int] = []
        self.rebuilt: list[tuple[int, date, int]] = []
        self.on_rebuild: Callable[[], None] = lambda: None

    def rebuild(self, work: UnitOfWork, account: Account, since: date) -> None:
        self.rebuilt.append((account.account_id, since, len(cast("Books", work).fills)))
        self.on_rebuild()

    def take(self, source: Book, *, strict: bool = False) -> ImportResult:
        return import_fills(
            cast("Store", self.books),
            ACCOUNT,
            source,
            strict=strict,
            now=NOW,
            progress=self.progress.append,
            rebuild=self.rebuild,
        )

    @property
    def trade_ids(self) -> list[str]:
        return [known.trade_id for known in self.books.fills.values()]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_good_rows_go_in_and_bad_ones_are_told_and_quarantined(desk: Desk) -> None:
    result = desk.take(book(fill(1, 5), BAD, fill(2, 4), fill(3, 9)))
    assert result == ImportResult(
        "acme/main", added=3, rejected=1, rejects=[(3, BAD)],
        first_trade_date=date(2024, 3, 4), last_trade_date=date(2024, 3, 9),
    )  # fmt: skip
    assert desk.trade_ids == ["1", "2", "3"]
    assert desk.books.rejects == [(7, "tradebook", BAD)]
    assert desk.books.breaks == []
    assert desk.books.leases == [[7]]


def test_importing_again_adds_nothing_and_overlapping_files_merge(desk: Desk) -> None:
    desk.take(book(fill(1), fill(2), fill(3)))
    again = desk.take(book(fill(1), fill(2), fill(3)))
    assert (again.added, again.known, again.differing) == (0, 3, 0)
    merged = desk.take(book(fill(3), fill(4)))
    assert (merged.added, merged.known) == (1, 1)
    assert desk.trade_ids == ["1", "2", "3", "4"]


def test_the_books_are_made_anew_once_from_the_earliest_changed_day(desk: Desk) -> None:
    desk.take(book(fill(1, 8), fill(2, 9)))
    desk.take(book(fill(1, 8), fill(3, 12), fill(4, 11), BAD))
    desk.take(book(fill(1, 8), fill(2, 9), BAD))
    assert desk.rebuilt == [(7, date(2024, 3, 8), 2), (7, date(2024, 3, 11), 4)]


def test_a_fill_that_came_otherwise_is_a_break_and_the_stored_one_stays(desk: Desk) -> None:
    desk.take(book(fill(1)))
    result = desk.take(book(fill(1, price=431_000_000), fill(2)))
    assert (result.added, result.known, result.differing) == (1, 0, 1)
    assert desk.books.fills[7, date(2024, 3, 1), "NSE:1:BUY"] == fill(1)
    assert desk.books.breaks == [
        Break(
            7,
            "fill_changed",
            "2024-03-01:NSE:1:BUY",
            NOW,
            {
                "source": "tradebook",
                "stored": "BUY 10 NSE:ITC at 430.00 CNC",
                "sent": "BUY 10 NSE:ITC at 431.00 CNC",
            },
        )
    ]


def test_strict_takes_nothing_when_any_row_is_bad(desk: Desk) -> None:
    source = book(fill(1), fill(2), fill(3), BAD)
    result = desk.take(source, strict=True)
    assert (result.refused, result.added, result.rejected) == (True, 0, 1)
    assert result.rejects == [(5, BAD)]
    assert result.last_trade_date == date(2024, 3, 1)
    assert (desk.books, desk.rebuilt, source.begun) == (Books(), [], 1)


def test_strict_takes_a_file_without_bad_rows_in_two_passes(desk: Desk) -> None:
    source = book(fill(1), fill(2), fill(3))
    result = desk.take(source, strict=True)
    assert (result.refused, result.added, source.begun) == (False, 3, 2)
    assert desk.progress == [100, 200, 300, 400]


def test_progress_is_the_bytes_read(desk: Desk) -> None:
    desk.take(book(fill(1), fill(2), fill(3)))
    assert desk.progress == [100, 200]


def test_a_file_that_changes_between_the_passes_of_a_strict_import_leaves_nothing(
    desk: Desk,
) -> None:
    source = Book([*book(fill(1)).passes, *book(fill(1), fill(2), BAD).passes])
    with pytest.raises(FileRefusedError, match=r"trades\.csv: the file changed meanwhile"):
        desk.take(source, strict=True)
    assert desk.books == Books(leases=[[7]])


@pytest.mark.parametrize("strict", [False, True])
def test_a_file_unreadable_halfway_leaves_nothing(desk: Desk, strict: bool) -> None:
    source = book(fill(1), BAD)
    source.passes[0].append(FileRefusedError("line 9 is not UTF-8 text"))
    with pytest.raises(FileRefusedError, match="line 9"):
        desk.take(source, strict=strict)
    assert (desk.books.fills, desk.books.rejects, desk.rebuilt) == ({}, [], [])


def test_a_crash_while_the_books_are_made_leaves_nothing(desk: Desk) -> None:
    def crash() -> None:
        raise KeyboardInterrupt

    desk.on_rebuild = crash
    with pytest.raises(KeyboardInterrupt):
        desk.take(book(fill(1), BAD))
    assert (desk.books.fills, desk.books.rejects) == ({}, [])


def test_another_brokers_file_is_refused_before_anything_is_read(desk: Desk) -> None:
    source = book(fill(1))
    source.broker = "UPSTOX"
    with pytest.raises(FileRefusedError, match="history of UPSTOX, and acme/main is at ZERODHA"):
        desk.take(source)
    assert (source.begun, desk.books.leases) == (0, [])


def test_a_trade_still_to_come_is_a_bad_row_by_the_exchanges_day(desk: Desk) -> None:
    today = fill(1, trade_date=date(2024, 6, 3))
    tomorrow = fill(2, trade_date=date(2024, 6, 4))
    result = desk.take(book(today, tomorrow))
    assert [(line, why.row_id, why.reason) for line, why in result.rejects] == [
        (3, "2", "trade_date: 2024-06-04 is still to come")
    ]
    assert desk.trade_ids == ["1"]
    assert len(desk.books.rejects) == 1


def test_all_bad_rows_are_counted_and_quarantined_and_the_first_are_listed(desk: Desk) -> None:
    bad = [replace(BAD, row_id=str(number)) for number in range(MOST_SHOWN + 5)]
    result = desk.take(book(*bad, size=300))
    assert (result.rejected, len(result.rejects)) == (MOST_SHOWN + 5, MOST_SHOWN)
    assert result.rejects[-1] == (MOST_SHOWN + 1, bad[MOST_SHOWN - 1])
    assert [reject for _, _, reject in desk.books.rejects] == bad
    assert (result.first_trade_date, desk.rebuilt) == (None, [])


def test_the_same_bad_line_twice_is_counted_twice_and_kept_once(desk: Desk) -> None:
    result = desk.take(book(BAD, BAD))
    assert (result.rejected, len(desk.books.rejects)) == (2, 1)


def test_repeated_rows_and_notices_are_passed_on(desk: Desk) -> None:
    source = Book([[Chunk([Row(2, fill(1))], 50, 3), Chunk([], 60, 1, ("page 2 is missing",))]])
    result = desk.take(source)
    assert (result.repeated, result.added, result.notices) == (4, 1, ["page 2 is missing"])


def test_a_long_file_is_not_held_in_memory(desk: Desk) -> None:
    alive: list[int] = []
    gone: list[int] = []

    class Watched(Chunk):
        def __del__(self) -> None:
            gone.append(self.read)

    class Long(Book):
        def chunks(self) -> Iterator[Chunk]:
            for number in range(20):
                yield Watched([Row(number + 2, fill(number))], number)
                alive.append(number + 1 - len(gone))

    desk.take(Long([[]]), strict=True)
    assert max(alive) <= 2
