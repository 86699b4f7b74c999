"""What a transaction over the books offers, concept by concept: Protocols.

What belongs here: reading and writing within one transaction that holds the accounts' lease. What
does not: beginning one (``ports.Store``), SQL (``store``).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Protocol

import pandas as pd

from tradesync_dagster.domain.attribution_rows import AttributionRows
from tradesync_dagster.domain.book_states import AddedFills, Generation, Unshown
from tradesync_dagster.domain.bookkeeping import Books
from tradesync_dagster.domain.evidence_rows import EvidenceRows
from tradesync_dagster.domain.facts import (
    Conversion,
    CorporateAction,
    Facts,
    OpeningBalance,
    Settlement,
)
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.heartbeats import HeartbeatRows
from tradesync_dagster.domain.moderation_rows import FakeOrderRows
from tradesync_dagster.domain.order_rows import OrderRows
from tradesync_dagster.domain.preference_rows import PreferenceRows
from tradesync_dagster.domain.publications import OutboxMessage, Published
from tradesync_dagster.domain.records import ClosingPrice, Correction, Recorded, StoredFill
from tradesync_dagster.domain.retry_rows import RetryRows
from tradesync_dagster.domain.task_rows import MandateRows, TaskRows
from tradesync_dagster.domain.trading_rows import TradingRows
from tradesync_dagster.domain.twins import RouteRows


class FillRows(Protocol):
    """Fills, and the facts that stand beside them."""

    def add_fills(self, account_fills: Iterable[tuple[int, Fill]], source: str) -> AddedFills:
        """Insert fills that are not there yet, and mark their accounts' books stale.

        Args:
            account_fills: (account id, fill).
            source: ``broker``, or the kind of file. The broker's report completes one from a file,
                which has no product.
        """
        ...

    def fills(
        self, account_ids: Sequence[int], since: date, until: date | None = None
    ) -> pd.DataFrame:
        """Read fills of ``since`` to ``until`` (both included) as ``book_frames.FILL_COLUMNS``."""
        ...

    def fill_days(self, account_ids: Sequence[int], since: date) -> list[tuple[date, int]]:
        """Count the fills of each day from ``since`` on, by day."""
        ...

    def facts(self, account_ids: Sequence[int]) -> Facts:
        """Read all facts but fills."""
        ...

    def put_openings(self, balances: Iterable[OpeningBalance]) -> None:
        """Record what accounts held when their books began."""
        ...

    def instruments(self) -> dict[tuple[str, str], tuple[int, int | None]]:
        """Read (multiplier, last price or None) by (exchange, symbol)."""
        ...

    def prices(self, day: date) -> dict[tuple[str, str], tuple[int, int | None]]:
        """Read (multiplier, last known price at the day's end or None) by (exchange, symbol)."""
        ...

    def closing_prices(self, until: date) -> pd.DataFrame:
        """Read ``exchange``, ``symbol``, ``trade_date`` (ordinal) and ``price`` up to a day."""
        ...

    def mark_stale(self, since: Mapping[int, date]) -> None:
        """Note from which day on accounts' books no longer follow from the facts."""
        ...

    def put_instruments(self, rows: Iterable[Mapping[str, Any]], trade_date: date) -> None:
        """Insert or update ISINs, multipliers and prices, and keep the prices as the day's.

        Where a security becomes known by its ISIN, the books that hold it are marked stale.
        """
        ...


class FactRows(Protocol):
    """What people record, or withdraw: it marks the books concerned stale, leased or not."""

    def put_actions(self, facts: Iterable[CorporateAction], *, withdraw: bool = ...) -> Recorded:
        """Insert or update corporate actions."""
        ...

    def put_settlements(self, facts: Iterable[Settlement], *, withdraw: bool = ...) -> Recorded:
        """Insert or update settlements, and their instruments' expiries."""
        ...

    def put_conversions(self, facts: Iterable[Conversion], *, withdraw: bool = ...) -> Recorded:
        """Insert or update conversions."""
        ...

    def put_closing_prices(
        self, facts: Iterable[ClosingPrice], *, withdraw: bool = ...
    ) -> Recorded:
        """Insert or update closing prices."""
        ...

    def stored_fills(self, account_id: int, since: date) -> list[StoredFill]:
        """Read an account's fills, newest first, annulled ones too."""
        ...

    def stored_fill(self, account_id: int, day: date, fill_id: str) -> StoredFill | None:
        """Read one fill."""
        ...

    def correct_fill(self, correction: Correction) -> None:
        """Change or annul a fill, and keep what it was."""
        ...

    def corrections(self, account_id: int) -> list[dict[str, Any]]:
        """Read an account's corrections, newest first."""
        ...


class BookRows(Protocol):
    """What is made from fills: lots, days, positions, holdings."""

    def generations(self, account_ids: Sequence[int]) -> dict[int, Generation]:
        """Read how far the books have been made; an account never met has an empty entry."""
        ...

    def put_generations(self, generations: Iterable[Generation]) -> None:
        """Record how far the books have been made."""
        ...

    def unshown(self, account_ids: Sequence[int]) -> list[Unshown]:
        """Read which accounts have days that changed since they were last shown."""
        ...

    def mark_shown(self, shown: Iterable[Unshown], following: date | None) -> None:
        """Note that days were shown as they were when ``unshown`` told of them.

        Args:
            shown: What it told; where more changed meanwhile, nothing is noted.
            following: The first day that was not shown; ``None`` if there is none.
        """
        ...

    def books_since(
        self, account_ids: Sequence[int], day: date, instruments: Sequence[str] | None
    ) -> Books:
        """Read lots that were open at the end of the day before ``day`` or later, and days from it.

        Args:
            account_ids: Whose.
            day: The first day of interest.
            instruments: Only these; ``None`` for all.
        """
        ...

    def instruments_since(self, account_ids: Sequence[int], day: date) -> set[str]:
        """Name the instruments with days on or after ``day``."""
        ...

    def replace_books(self, old: Books, new: Books) -> None:
        """Make the stored books ``new`` where they are ``old``; rows that are equal stay."""
        ...

    def open_lots(self, account_ids: Sequence[int], day: date | None) -> pd.DataFrame:
        """Read the accounts' own lots open at a day's end, or now, as ``LOT_COLUMNS``."""
        ...

    def days(self, account_ids: Sequence[int], day: date) -> pd.DataFrame:
        """Read the accounts' own queues' entries of one day as ``DAY_COLUMNS``."""
        ...

    def put_positions(self, account_ids: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
        """Replace the accounts' positions."""
        ...

    def put_holdings(self, account_ids: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
        """Replace the accounts' holdings."""
        ...

    def positions(self, account_ids: Sequence[int]) -> list[dict[str, Any]]:
        """Read positions by key."""
        ...

    def holdings(self, account_ids: Sequence[int]) -> list[dict[str, Any]]:
        """Read holdings by key."""
        ...


class PublicationRows(Protocol):
    """What waits to be published."""

    def put_snapshots(self, documents: Mapping[int, bytes]) -> set[int]:
        """Store changed documents with the next version; return the accounts that changed."""
        ...

    def snapshots(self, account_ids: Collection[int]) -> dict[int, bytes]:
        """Read documents; an account without any has none."""
        ...

    def published(self, account_ids: Sequence[int]) -> list[Published]:
        """Read of which of the accounts the newest snapshot was published."""
        ...

    def add_messages(self, messages: Iterable[OutboxMessage]) -> None:
        """Add notifications to the outbox."""
        ...


class UnitOfWork(
    OrderRows,
    TradingRows,
    FillRows,
    FactRows,
    BookRows,
    EvidenceRows,
    PublicationRows,
    AttributionRows,
    FakeOrderRows,
    RetryRows,
    PreferenceRows,
    TaskRows,
    HeartbeatRows,
    MandateRows,
    RouteRows,
    Protocol,
):
    """One transaction over the books, holding the lease of the accounts it was begun for."""
