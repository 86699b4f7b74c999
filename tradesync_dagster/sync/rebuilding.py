"""Bringing the books up to date with the fills, and positions and holdings with the books.

Books are kept from the first day that no longer follows from the fills: usually today, so that a
sync costs the day's new fills and the open lots of what they trade, not the history. A late,
annulled or corrected fill takes the books back to its day. What belongs here: which days and
queues are made anew, and telling what changed. What does not: the accounting (``domain``).
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

import pandas as pd

from tradesync_dagster.domain.book_frames import empty_lots
from tradesync_dagster.domain.book_states import Generation
from tradesync_dagster.domain.bookkeeping import Books, as_converted, keep
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.facts import Facts
from tradesync_dagster.domain.market_calendar import previous_trading_day, trade_date_of
from tradesync_dagster.domain.openings import Excess, opening_fills
from tradesync_dagster.domain.positions import Shown, show
from tradesync_dagster.domain.unit_of_work import UnitOfWork

Rows = list[dict[str, Any]]
BEGINNING: Final = date(1970, 1, 1)
"""Before any fill: books kept from here are kept whole."""
_MOST_NAMES = 500
"""Most instruments that a query names one by one."""


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


def keep_books(work: UnitOfWork, generations: Sequence[Generation], now: datetime) -> None:
    """Keep books anew from each account's first stale day; those that are not stale stay.

    Args:
        work: A transaction with the accounts' lease.
        generations: How far each account's books are.
        now: UTC, for breaks.
    """
    by_day: dict[date, list[int]] = defaultdict(list)
    for known in generations:
        if known.stale_from is not None:
            # What opening balances stand for depends on all fills before them.
            early = known.opened_on is not None and known.stale_from < known.opened_on
            by_day[BEGINNING if early else known.stale_from].append(known.account_id)
    for day, account_ids in sorted(by_day.items()):
        _keep_from(work, account_ids, day, now)


def _keep_from(work: UnitOfWork, account_ids: Sequence[int], day: date, now: datetime) -> None:
    facts = work.facts(account_ids)
    fills = _owned(work, account_ids, work.fills(account_ids, day))
    if day == BEGINNING and facts.openings:
        opening, excess = opening_fills(facts, fills)
        fills = pd.concat([opening, fills], ignore_index=True) if len(opening) else fills
        work.put_breaks(_excess(found, now) for found in excess)
    names = _names(work, account_ids, day, fills, facts)
    stored = work.books_since(account_ids, day, names)
    start = day.toordinal()
    resumed = stored.lots[stored.lots["held_from"] < start]
    work.replace_books(stored, keep(resumed, fills, facts, start))


def kept_whole(work: UnitOfWork, account_ids: Sequence[int]) -> tuple[Books, int]:
    """Keep books from the first fill on, without storing them.

    Args:
        work: A transaction, which may be one that only reads.
        account_ids: Whose.

    Returns:
        The books, and how many fills they are made of.
    """
    facts = work.facts(account_ids)
    known = work.fills(account_ids, BEGINNING)
    fills = _owned(work, account_ids, known)
    opening, _ = opening_fills(facts, fills)
    fills = pd.concat([opening, fills], ignore_index=True) if len(opening) else fills
    return keep(empty_lots(), fills, facts, BEGINNING.toordinal()), len(known)


def _excess(found: Excess, now: datetime) -> Break:
    subject = f"{found.instrument} {found.product}"
    evidence = {"units_too_many": str(found.units)}
    return Break(found.account_id, "opening_differs", subject, now, evidence)


def _owned(work: UnitOfWork, account_ids: Sequence[int], fills: pd.DataFrame) -> pd.DataFrame:
    """Give every fill to the account's own books, and once more to its strategy's."""
    own = fills.assign(strategy_id="")
    owners = work.assignments(account_ids)
    if owners.empty or own.empty:
        return own
    # An order's id comes back on other days; an AMO fills on a later one than it was registered.
    keys = ["account_id", "broker_order_id"]
    owned = pd.merge_asof(
        fills.sort_values("trade_date", kind="stable"),
        owners.sort_values("trade_date", kind="stable"),
        on="trade_date",
        by=keys,
    )
    return pd.concat([own, owned.dropna(subset=["strategy_id"])[own.columns]], ignore_index=True)


def _names(
    work: UnitOfWork, account_ids: Sequence[int], day: date, fills: pd.DataFrame, facts: Facts
) -> list[str] | None:
    """Name the instruments whose books may change; ``None`` for all."""
    if facts.actions or facts.conversions or facts.settlements or day == BEGINNING:
        return None
    keys = ["exchange", "symbol", "product", "isin"]
    rows = fills[keys].drop_duplicates().itertuples(index=False)
    names = work.instruments_since(account_ids, day) | {facts.instrument(*row) for row in rows}
    return sorted(names) if len(names) <= _MOST_NAMES else None


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
        previous_trading_day(day),
    )
    if now is not None:
        work.put_breaks(
            Break(account_id, "missing_opening_lot", f"{name} {product}", now, {"units": str(u)})
            for (account_id, name, product), u in sorted(shown.missing.items())
        )
    return shown


class _Books:
    def __init__(self, work: UnitOfWork, account_ids: Sequence[int]) -> None:
        self.positions = _grouped(work.positions(account_ids))
        self.holdings = _grouped(work.holdings(account_ids))


def _grouped(rows: Sequence[Mapping[str, Any]]) -> dict[int, Rows]:
    grouped: dict[int, Rows] = defaultdict(list)
    for row in rows:
        grouped[row["account_id"]].append(dict(row))
    return grouped


def _write(work: UnitOfWork, due: Sequence[int], before: _Books, shown: Shown) -> None:
    positions, holdings = _grouped(shown.positions), _grouped(shown.holdings)
    moved = [a for a in due if _differ(before.positions[a], positions[a])]
    work.put_positions(moved, [row for a in moved for row in positions[a]])
    moved = [a for a in due if _differ(before.holdings[a], holdings[a])]
    work.put_holdings(moved, [row for a in moved for row in holdings[a]])


def _differ(old: Rows, new: Rows) -> bool:
    def ordered(rows: Rows) -> list[list[tuple[str, Any]]]:
        return sorted(sorted((k, v) for k, v in row.items() if v is not None) for row in rows)

    return ordered(old) != ordered(new)
