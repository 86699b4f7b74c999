"""What becomes of a file's rows: taken once, in whole portions, and every bad one told."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date

import pytest

from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.errors import FileRefusedError
from tradesync_dagster.sync.importing import MOST_SHOWN, PORTION, ImportResult
from tradesync_dagster_tests.support.imports import (
    BAD,
    NOW,
    Book,
    Books,
    Chunk,
    Desk,
    Row,
    book,
    fill,
    long_book,
)


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
    assert desk.books.found == []
    assert desk.books.leases == [[7]]


def test_importing_again_adds_nothing_and_overlapping_files_merge(desk: Desk) -> None:
    desk.take(book(fill(1), fill(2), fill(3)))
    again = desk.take(book(fill(1), fill(2), fill(3)))
    assert (again.added, again.known, again.differing) == (0, 3, 0)
    merged = desk.take(book(fill(3), fill(4)))
    assert (merged.added, merged.known) == (1, 1)
    assert desk.trade_ids == ["1", "2", "3", "4"]


def test_a_long_file_goes_in_by_portions_and_books_are_made_anew_once(desk: Desk) -> None:
    desk.take(long_book(2 * PORTION + 1))
    assert desk.books.leases == [[7], [7], [7]]
    assert desk.rebuilt == [2 * PORTION + 1]


def test_each_portion_is_read_before_others_wait_for_it(desk: Desk) -> None:
    seen: list[tuple[int, int]] = []
    source = long_book(PORTION + 2)
    begin = desk.books.begin

    def watched(account_ids: Sequence[int]) -> AbstractContextManager[Books]:
        seen.append((desk.progress[-1], len(desk.books.fills)))
        return begin(account_ids)

    desk.books.begin = watched  # type: ignore[method-assign]
    desk.take(source)
    assert seen == [(100 * (PORTION - 1), 0), (100 * (PORTION + 2), PORTION)]


def test_an_import_that_was_killed_goes_on_where_it_is_given_again(desk: Desk) -> None:
    source = long_book(3 * PORTION)
    source.passes.append(long_book(3 * PORTION).passes[0])
    source.passes[0][2 * PORTION :] = [MemoryError()]
    with pytest.raises(MemoryError):
        desk.take(source)
    assert (len(desk.books.fills), desk.rebuilt) == (2 * PORTION, [])
    again = desk.take(source)
    assert (again.added, again.known) == (PORTION, 2 * PORTION)
    assert desk.rebuilt == [3 * PORTION]


def test_a_fill_that_came_otherwise_is_a_break_and_the_stored_one_stays(desk: Desk) -> None:
    desk.take(book(fill(1)))
    result = desk.take(book(fill(1, price=431_000_000), fill(2)))
    assert (result.added, result.known, result.differing) == (1, 0, 1)
    assert desk.books.fills[7, date(2024, 3, 1), "NSE:1:BUY"] == fill(1)
    assert desk.books.found == [
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


def test_strict_takes_no_portion_before_a_bad_row_far_down_either(desk: Desk) -> None:
    source = book(*(fill(number) for number in range(2 * PORTION)), BAD, size=1)
    assert desk.take(source, strict=True).refused
    assert (desk.books, desk.rebuilt) == (Books(), [])


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
    with pytest.raises(FileRefusedError, match=r"trades\.csv: the file changed while"):
        desk.take(source, strict=True)
    assert desk.books == Books()


@pytest.mark.parametrize("strict", [False, True])
def test_a_file_unreadable_halfway_leaves_nothing(desk: Desk, strict: bool) -> None:
    source = book(fill(1), BAD)
    source.passes[0].append(FileRefusedError("line 9 is not UTF-8 text"))
    with pytest.raises(FileRefusedError, match="line 9"):
        desk.take(source, strict=strict)
    assert (desk.books.fills, desk.books.rejects, desk.rebuilt) == ({}, [], [])


def test_a_long_file_unreadable_far_down_says_what_was_taken_and_makes_its_books(
    desk: Desk,
) -> None:
    source = long_book(PORTION + 1)
    source.passes[0].append(FileRefusedError("line 99 is not UTF-8 text"))
    with pytest.raises(FileRefusedError, match=f"line 99 .* {PORTION} fills from the lines before"):
        desk.take(source)
    assert desk.rebuilt == [PORTION]


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
    assert (result.first_trade_date, desk.books.fills) == (None, {})


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
            for number in range(10 * PORTION):
                yield Watched([Row(number + 2, fill(number))], number)
                alive.append(number + 1 - len(gone))

    desk.take(Long([[]]), strict=True)
    assert max(alive) <= 2 * PORTION
