"""Files of trades and a store in memory, for tests of what becomes of a file's rows."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, cast

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Reject
from tradesync_dagster.domain.book_states import AddedFills
from tradesync_dagster.domain.breaks import Break, KnownBreak
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.domain.ports import Store
from tradesync_dagster.sync.importing import ImportResult, import_fills

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


def long_book(fills: int) -> Book:
    """A file of one row a chunk."""
    return book(*(fill(number) for number in range(fills)), size=1)


@dataclass
class Books:
    """The store's promises, kept in memory: a transaction is all or nothing."""

    fills: dict[tuple[int, date, str], Fill] = field(default_factory=dict)
    rejects: list[tuple[int, str, Reject]] = field(default_factory=list)
    found: list[Break] = field(default_factory=list)
    leases: list[list[int]] = field(default_factory=list)

    @contextmanager
    def begin(self, account_ids: Sequence[int]) -> Iterator["Books"]:
        self.leases.append(list(account_ids))
        work = Books(dict(self.fills), list(self.rejects), list(self.found))
        yield work
        self.fills, self.rejects, self.found = work.fills, work.rejects, work.found

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
        self.found += breaks

    def breaks(
        self, account_ids: Sequence[int], kinds: Sequence[str], *, unresolved: bool
    ) -> list[KnownBreak]:
        assert (list(account_ids), list(kinds), unresolved) == ([7], ["fill_changed"], True)
        return []

    def put_known_breaks(self, breaks: Iterable[KnownBreak]) -> None:
        assert list(breaks) == []


class Desk:
    """Imports into one store, and keeps what the hooks were told."""

    def __init__(self) -> None:
        self.books = Books()
        self.progress: list[int] = []
        self.rebuilt: list[int] = []
        """How many fills there were each time that books were made anew."""

    def rebuild(self) -> None:
        self.rebuilt.append(len(self.books.fills))

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
