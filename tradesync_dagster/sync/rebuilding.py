"""Bringing the books up to date with the fills, and positions and holdings with the books.

What belongs here: when books are kept anew, what is shown of them, and telling what changed. What
does not: which days and queues are kept anew (``keeping``), the accounting (``domain``).
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from tradesync_dagster.domain.book_states import Generation
from tradesync_dagster.domain.bookkeeping import as_converted
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.market_calendar import previous_settlement_day, trade_date_of
from tradesync_dagster.domain.positions import Shown, show
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.keeping import keep_books
from tradesync_dagster.sync.settling import settle_kind

Rows = list[dict[str, Any]]
MISSING_LOT: Final = "missing_opening_lot"
"""The kind of break for what was sold and nobody knows to have been bought."""


@dataclass(frozen=True, slots=True)
class AccountBooks:
    """One account's books after a sync."""

    positions: Rows
    holdings: Rows
    changed: frozenset[str]
    regenerated: bool

    @property
    def realised_pnl(self) -> int:
        """Today's, in millionths of the currency."""
        return sum(int(row["realised_pnl"]) for row in self.positions)

    @property
    def unrealised_pnl(self) -> int | None:
        """In millionths; ``None`` where a price is missing."""
        values = [row["unrealised_pnl"] for row in (*self.positions, *self.holdings)]
        return None if None in values else sum(int(value) for value in values)


@dataclass(frozen=True, slots=True)
class GenerationRules:
    """When positions and holdings are made.

    Attributes:
        enabled: Whether they are at all; fills are kept and marked all the same.
        refresh: After what time new prices alone are reason enough.
        interval: After what time they are made without any reason.
    """

    enabled: bool = True
    refresh: timedelta = timedelta(minutes=10)
    interval: timedelta = timedelta(hours=1)

    def due(self, known: Generation, now: datetime, *, priced: bool, force: bool) -> bool:
        """Tell whether an account's positions and holdings are to be made now.

        Args:
            known: How far they are.
            now: UTC.
            priced: Whether prices came since.
            force: Whether somebody asked for it.

        Returns:
            Whether to make them.
        """
        if not self.enabled:
            return False
        at = known.generated_at
        if force or known.stale_from is not None or at is None:
            return True
        another_day = trade_date_of(at) != trade_date_of(now)
        return another_day or now - at >= (self.refresh if priced else self.interval)


def rebuild_books(
    work: UnitOfWork,
    account_ids: Sequence[int],
    priced: Collection[int],
    rules: GenerationRules,
    now: datetime,
    *,
    force: bool = False,
) -> dict[int, AccountBooks]:
    """Bring books up to date where they are not, all accounts in one call of the kernel.

    Args:
        work: A transaction with the accounts' lease.
        account_ids: Whose books are wanted.
        priced: Those for which new prices came.
        rules: When to make what.
        now: UTC.
        force: Make positions and holdings of all.

    Returns:
        Every account's books by its id.
    """
    before = _Books(work, account_ids)
    known = work.generations(account_ids)
    due = [a for a in account_ids if rules.due(known[a], now, priced=a in priced, force=force)]
    after = before
    if due:
        keep_books(work, [known[a] for a in due], now)
        _write(work, due, before, shown_on(work, due, trade_date_of(now), now))
        work.put_generations(replace(known[a], generated_at=now, stale_from=None) for a in due)
        after = _Books(work, account_ids)
    redone = set(due)
    return {
        account_id: AccountBooks(
            after.positions[account_id],
            after.holdings[account_id],
            frozenset(
                name
                for name, old, new in (
                    ("positions", before.positions, after.positions),
                    ("holdings", before.holdings, after.holdings),
                )
                if old[account_id] != new[account_id]
            ),
            account_id in redone,
        )
        for account_id in account_ids
    }


def shown_on(
    work: UnitOfWork, account_ids: Sequence[int], day: date, now: datetime | None
) -> Shown:
    """Make positions and holdings of a day from its lots and trading.

    Args:
        work: A transaction.
        account_ids: Whose.
        day: The exchange's day.
        now: UTC for the present, with breaks written for what is missing; ``None`` for a past day.

    Returns:
        The rows.
    """
    shown = show(
        work.open_lots(account_ids, None if now else day),
        as_converted(work.fills(account_ids, day, day), work.facts(account_ids), day.toordinal()),
        work.days(account_ids, day),
        work.instruments() if now else work.prices(day),
        day,
        previous_settlement_day(day),
    )
    if now is not None:
        found = [
            Break(account_id, MISSING_LOT, f"{name} {product}", now, {"units": str(units)})
            for (account_id, name, product), units in sorted(shown.missing.items())
        ]
        settle_kind(work, account_ids, MISSING_LOT, found, now)
    return shown


class _Books:
    def __init__(self, work: UnitOfWork, account_ids: Sequence[int]) -> None:
        self.positions = rows_by_account(work.positions(account_ids))
        self.holdings = rows_by_account(work.holdings(account_ids))


def rows_by_account(rows: Sequence[Mapping[str, Any]]) -> dict[int, Rows]:
    """Group rows by account; an account without any has none."""
    grouped: dict[int, Rows] = defaultdict(list)
    for row in rows:
        grouped[row["account_id"]].append(dict(row))
    return grouped


def _write(work: UnitOfWork, due: Sequence[int], before: _Books, shown: Shown) -> None:
    positions, holdings = rows_by_account(shown.positions), rows_by_account(shown.holdings)
    moved = [a for a in due if _differ(before.positions[a], positions[a])]
    work.put_positions(moved, [row for a in moved for row in positions[a]])
    moved = [a for a in due if _differ(before.holdings[a], holdings[a])]
    work.put_holdings(moved, [row for a in moved for row in holdings[a]])


def _differ(old: Rows, new: Rows) -> bool:
    def ordered(rows: Rows) -> list[list[tuple[str, Any]]]:
        return sorted(sorted((k, v) for k, v in row.items() if v is not None) for row in rows)

    return ordered(old) != ordered(new)
