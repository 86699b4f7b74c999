"""Opening a trade history of any known format, and reading it in chunks within bounded memory.

What belongs here: telling formats apart, repeated rows, chunks. What does not: a format's fields
(``console``, ``upstox_history``), what becomes of the fills (``sync.importing``).
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tradesync_dagster.brokers.file_reading import open_checked, unreadable
from tradesync_dagster.brokers.tradebooks import console, upstox_history
from tradesync_dagster.brokers.tradebooks.rows import Chunk, ReadRow
from tradesync_dagster.domain.answers import Reject
from tradesync_dagster.domain.errors import FileRefusedError
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.money import format_price

_SEEN_CACHE = -16_384
"""Pages of the index of rows that stay in memory, as SQLite counts: KiB, negated."""


@dataclass(frozen=True, slots=True)
class Tradebook:
    """A trade history on disk whose format is known.

    Attributes:
        broker: Whose format it is, as accounts name their broker.
        size: In bytes.
    """

    path: Path
    broker: str
    size: int

    @property
    def name(self) -> str:
        """The file's name, for sentences."""
        return self.path.name

    def chunks(self, rows: int = 5_000) -> Iterator[Chunk]:
        """Read the file from its start; may be called again for another pass.

        A row that says exactly what an earlier one said counts as repeated; one that says
        something else under the same trade id is rejected, naming both lines.

        Args:
            rows: Most rows of a chunk.

        Yields:
            Chunks in the file's order; a last one without rows tells of what followed the rows.

        Raises:
            FileRefusedError: The file cannot be read as a whole; drop what came before.
        """
        notices: tuple[str, ...] = ()
        batch: list[ReadRow] = []
        count = repeated = read = 0
        try:
            with self.path.open("rb") as stream, closing(_Seen()) as seen:
                if self.broker == upstox_history.BROKER:
                    trades, notices = upstox_history.read(stream, self.name)
                    found = _numbered(trades, self.size)
                else:
                    found = console.read(stream, self.name)
                for line, row, read in found:
                    count += 1
                    told = seen.check(line, row)
                    if told is None:
                        repeated += 1
                    else:
                        batch.append(told)
                    if len(batch) == rows:
                        yield Chunk(tuple(batch), read, repeated)
                        batch, repeated = [], 0
        except OSError as error:
            raise unreadable(self.path, error) from None
        if not count:
            raise FileRefusedError(f"{self.name}: the file holds no trades, only its frame")
        yield Chunk(tuple(batch), self.size, repeated, notices)


def open_tradebook(path: Path) -> Tradebook:
    """Find out what a file is, by its first bytes.

    Args:
        path: A file that somebody downloaded.

    Returns:
        The trade history, not yet read.

    Raises:
        FileRefusedError: It is not there, empty, a workbook, or in an encoding that is not read.
    """
    head, size = open_checked(path, console.KIND)
    is_json = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
    return Tradebook(path, upstox_history.BROKER if is_json else console.BROKER, size)


def _numbered(trades: list[Fill | Reject], size: int) -> Iterator[tuple[int, Fill | Reject, int]]:
    for number, row in enumerate(trades, 1):
        yield number, row, size * number // len(trades)


class _Seen:
    """The trades of a file so far, in a private table that goes to disk when it grows large."""

    def __init__(self) -> None:
        self._table = sqlite3.connect("")  # a temporary database: SQLite removes it by itself
        self._table.execute(f"PRAGMA cache_size = {_SEEN_CACHE}")
        self._table.execute("PRAGMA journal_mode = OFF")
        self._table.execute(
            "CREATE TABLE seen (trade TEXT PRIMARY KEY, line INTEGER, content TEXT) WITHOUT ROWID"
        )
        self._table.execute("BEGIN")

    def check(self, line: int, row: Fill | Reject) -> ReadRow | None:
        """Return the row as it counts in this file; ``None`` if an earlier one says the same."""
        if isinstance(row, Reject):
            return ReadRow(line, reject=row)
        trade, content = f"{row.trade_date}|{row.fill_id}", _content(row)
        added = self._table.execute(
            "INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (trade, line, content)
        )
        if added.rowcount:
            return ReadRow(line, fill=row)
        known = self._table.execute("SELECT line, content FROM seen WHERE trade = ?", (trade,))
        first, before = known.fetchone()
        if before == content:
            return None
        reason = f"trade_id: {row.trade_id!r} is on line {first} too, and line {line} differs"
        return ReadRow(line, reject=Reject(row.trade_id, reason, json.dumps([before, content])))

    def close(self) -> None:
        self._table.close()


def _content(fill: Fill) -> str:
    price, at = format_price(fill.price), fill.filled_at.isoformat()
    return (
        f"{fill.exchange} {fill.symbol!r} {fill.isin} {fill.product} {fill.side} {fill.quantity} "
        f"at {price}, {at}, order {fill.broker_order_id!r}"
    )
