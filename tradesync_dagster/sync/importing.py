"""Taking a downloaded trade history into an account's books, a portion of rows at a time.

Each portion is a transaction that also marks the books stale, so that syncs go on in between, and
a crash leaves whole portions and books that the next sync makes anew. A fill that is known already
stays as it is, so that importing again, or files that overlap, add nothing twice. What belongs
here: what becomes of the rows. What does not: reading them (``brokers.tradebooks``), making
positions anew (the caller's ``rebuild``).
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import Protocol

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Reject
from tradesync_dagster.domain.breaks import fill_changed
from tradesync_dagster.domain.errors import FileRefusedError
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.money import format_price
from tradesync_dagster.domain.ports import Store
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.settling import settle_fills

SOURCE = "tradebook"
"""What quarantine and the books call the origin of these rows."""
PORTION = 4
"""Chunks of a file that one transaction takes: 20,000 rows, half a second of the write lock."""
MOST_SHOWN = 1_000
"""Bad rows that a result lists; all are counted, and all are in quarantine."""


class Row(Protocol):
    """A fill, or why the row is none."""

    @property
    def line(self) -> int:
        """Where it stands in the file, from 1."""
        ...

    @property
    def fill(self) -> Fill | None:
        """The fill, if it is one."""
        ...

    @property
    def reject(self) -> Reject | None:
        """What is wrong with it otherwise."""
        ...


class Chunk(Protocol):
    """Some rows of a file."""

    @property
    def rows(self) -> Sequence[Row]:
        """The rows in the file's order."""
        ...

    @property
    def read(self) -> int:
        """Bytes of the file read so far."""
        ...

    @property
    def repeated(self) -> int:
        """Rows left out because an earlier one says the same."""
        ...

    @property
    def notices(self) -> Sequence[str]:
        """What people should know about the file."""
        ...


class TradeHistory(Protocol):
    """A file that can be read from its start, more than once."""

    @property
    def name(self) -> str:
        """The file's name, for sentences."""
        ...

    @property
    def broker(self) -> str:
        """Whose format it is."""
        ...

    def chunks(self) -> Iterator[Chunk]:
        """Read it; raise ``FileRefusedError`` where that cannot be done."""
        ...


@dataclass(slots=True)
class ImportResult:
    """What came of one file.

    Attributes:
        refused: Nothing was taken, for a row was bad and the import strict.
        added: Fills that the books did not have.
        known: Fills that they had.
        repeated: Rows that say the same as an earlier row of the file.
        differing: Fills that the books have otherwise; the stored ones stay, each is a break.
        rejected: Bad rows.
        first_trade_date: Of the good rows; ``None`` without any.
        last_trade_date: Likewise.
        rejects: (line, what is wrong) of the first ``MOST_SHOWN`` bad rows.
        notices: What people should know about the file, in sentences.
    """

    account: str
    refused: bool = False
    added: int = 0
    known: int = 0
    repeated: int = 0
    differing: int = 0
    rejected: int = 0
    first_trade_date: date | None = None
    last_trade_date: date | None = None
    rejects: list[tuple[int, Reject]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def import_fills(
    store: Store,
    account: Account,
    book: TradeHistory,
    *,
    strict: bool,
    now: datetime,
    progress: Callable[[int], None],
    rebuild: Callable[[], None],
) -> ImportResult:
    """Take a file's fills into an account's books.

    Args:
        store: The books.
        account: Whose fills they are.
        book: The file.
        strict: Take nothing when a row is bad. The file is then read twice, not held in memory.
        now: UTC.
        progress: Told the bytes read so far, over both passes of a strict import.
        rebuild: Makes the account's books anew where they are stale; called once, at the end.

    Returns:
        What came of it.

    Raises:
        FileRefusedError: The file is another broker's, or cannot be read. Where its first portions
            could be, they were taken, and the text says so.
        ConfigurationError, StoreError: The books cannot be written; whole portions may have been.
    """
    if book.broker != account.broker:
        raise FileRefusedError(
            f"{book.name}: this is a trade history of {book.broker}, and {account.key} is at "
            f"{account.broker}; give the account that it was downloaded from"
        )
    run = _Import(account, book, now, progress)
    if strict and (checked := run.check()).rejected:
        checked.refused = True
        return checked
    result = ImportResult(account.key)
    try:
        run.take(store, result, strict=strict)
    except FileRefusedError as error:
        if not result.added:
            raise
        rebuild()
        taken = f"{result.added} fills from the lines before were taken"
        again = "importing again, when that is mended, adds only the others"
        raise FileRefusedError(f"{error}. {taken}; {again}") from None
    rebuild()
    return result


@dataclass(slots=True)
class _Import:
    """One file on its way into one account's books."""

    account: Account
    book: TradeHistory
    now: datetime
    progress: Callable[[int], None]
    passed: int = 0

    def check(self) -> ImportResult:
        """Read the file without writing anything."""
        result = ImportResult(self.account.key)
        for _ in self._read(result):
            pass
        return result

    def take(self, store: Store, result: ImportResult, *, strict: bool) -> None:
        """Write the file, reading each portion before the transaction that takes it begins."""
        chunks = self._read(result)
        while portion := list(islice(chunks, PORTION)):
            if strict and result.rejected:
                raise FileRefusedError(f"{self.book.name}: the file changed while it was imported")
            with store.begin([self.account.account_id]) as work:
                for fills, rejects in portion:
                    self._write(work, result, fills, rejects)

    def _read(self, result: ImportResult) -> Iterator[tuple[list[Fill], list[Reject]]]:
        """Sort the file's rows into good and bad ones, a chunk at a time, and count them."""
        today, before = trade_date_of(self.now), self.passed
        for chunk in self.book.chunks():
            yield _sort(result, chunk, today)
            self.passed = before + chunk.read
            self.progress(self.passed)

    def _write(
        self, work: UnitOfWork, result: ImportResult, fills: list[Fill], rejects: list[Reject]
    ) -> None:
        account_id = self.account.account_id
        each = dict.fromkeys(rejects)  # the same bad line twice is one entry of the quarantine
        work.add_rejects([(account_id, SOURCE, reject) for reject in each], self.now)
        done = work.add_fills([(account_id, fill) for fill in fills], SOURCE)
        work.put_breaks(
            [fill_changed(*differing, self.now, SOURCE) for differing in done.differing]
        )
        settle_fills(work, [(account_id, fill) for fill in fills], done.differing, self.now, SOURCE)
        result.added += done.added
        result.known += done.known
        result.differing += len(done.differing)


def _sort(result: ImportResult, chunk: Chunk, today: date) -> tuple[list[Fill], list[Reject]]:
    fills: list[Fill] = []
    rejects: list[Reject] = []
    for row in chunk.rows:
        reject = row.reject or _too_late(row.fill, today)
        if reject is None and row.fill is not None:
            fills.append(row.fill)
        elif reject is not None:
            rejects.append(reject)
            if len(result.rejects) < MOST_SHOWN:
                result.rejects.append((row.line, reject))
    result.rejected += len(rejects)
    result.repeated += chunk.repeated
    result.notices += chunk.notices
    days = [fill.trade_date for fill in fills]
    result.first_trade_date = min(filter(None, [result.first_trade_date, *days]), default=None)
    result.last_trade_date = max(filter(None, [result.last_trade_date, *days]), default=None)
    return fills, rejects


def _too_late(fill: Fill | None, today: date) -> Reject | None:
    if fill is None or fill.trade_date <= today:
        return None
    raw = json.dumps([fill.fill_id, str(fill.trade_date), _words(fill)])
    return Reject(fill.trade_id, f"trade_date: {fill.trade_date} is still to come", raw)


def _words(fill: Fill) -> str:
    price = format_price(fill.price)
    return f"{fill.side} {fill.quantity} {fill.exchange}:{fill.symbol} at {price}"
