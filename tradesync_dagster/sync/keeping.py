"""Keeping books anew from the first day that no longer follows from the fills.

Usually that is today, so that it costs the day's new fills and the open lots of what they trade,
not the history. A long history is kept a stretch of days at a time, each from the lots open the
evening before, so that its fills need not all be in memory. What belongs here: which days, queues
and fills are taken. What does not: the accounting (``domain``), when books are kept and what is
shown of them (``rebuilding``, ``history``).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

import pandas as pd

from tradesync_dagster.domain.book_days import STILL_OPEN
from tradesync_dagster.domain.book_frames import empty_lots
from tradesync_dagster.domain.book_states import Generation
from tradesync_dagster.domain.bookkeeping import Books, keep
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.facts import Facts
from tradesync_dagster.domain.openings import Excess, opening_fills
from tradesync_dagster.domain.owned_fills import first_shared, owned_fills
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.settling import settle_kind

BEGINNING: Final = date(1970, 1, 1)
"""Before any fill: books kept from here are kept whole."""
OPENING_DIFFERS: Final = "opening_differs"
"""The kind of break for a sale that is missing from before the opening."""
_MOST_NAMES = 500
"""Most instruments that a query names one by one."""
_MOST_FILLS = 500_000
"""Most fills that are held in memory at once, but for those of a single day: some 0.5 GB."""
_MOST_A_TURN = 100_000
"""Most fills of a stretch that is a transaction of its own: others wait for it."""


def keep_books(work: UnitOfWork, generations: Sequence[Generation], now: datetime) -> None:
    """Keep books anew from each account's first stale day; those that are not stale stay.

    Args:
        work: A transaction with the accounts' lease.
        generations: How far each account's books are.
        now: UTC, for breaks.
    """
    by_day: dict[date, list[int]] = defaultdict(list)
    for known in generations:
        first = _first_day(work, known)
        if first is not None:
            by_day[first].append(known.account_id)
    for day, account_ids in sorted(by_day.items()):
        following: date | None = day
        while following is not None:
            following = _keep_from(work, account_ids, following, now, _MOST_FILLS)


def keep_stretch(work: UnitOfWork, known: Generation, now: datetime) -> Generation:
    """Keep one account's books anew for some days, so that others need not wait for all.

    Args:
        work: A transaction with the account's lease.
        known: How far its books are.
        now: UTC, for breaks.

    Returns:
        How far they are afterwards: stale from the day that is next, if any. Until that is kept
        too, the books end with the day before it.
    """
    first = _first_day(work, known)
    if first is None:
        return known
    following = _keep_from(work, [known.account_id], first, now, _MOST_A_TURN)
    return replace(known, generated_at=None, stale_from=following)


def _first_day(work: UnitOfWork, known: Generation) -> date | None:
    """Return the day from which an account's books are to be kept anew."""
    if known.stale_from is None or known.opened_on is None or known.stale_from >= known.opened_on:
        return known.stale_from
    # What opening balances stand for depends on all fills before them.
    return BEGINNING if work.facts([known.account_id]).openings else known.stale_from


def _keep_from(
    work: UnitOfWork,
    account_ids: Sequence[int],
    day: date,
    now: datetime,
    most: int,
) -> date | None:
    """Keep books of a stretch of days, and none of what follows; return the next one's first."""
    facts = work.facts(account_ids)
    whole = day == BEGINNING and facts.openings
    following = None if whole else _end_of_stretch(work.fill_days(account_ids, day), most)
    last = following and following - timedelta(days=1)
    fills = _owned(work, account_ids, work.fills(account_ids, day, last), day)
    if day == BEGINNING and facts.openings:
        fills, excess = _opened(facts, fills)
        found = [_excess(one, now) for one in excess]
        settle_kind(work, account_ids, OPENING_DIFFERS, found, now)
    names = _names(work, account_ids, day, fills, facts)
    stored = work.books_since(account_ids, day, names)
    start = day.toordinal()
    resumed = stored.lots[stored.lots["held_from"] < start]
    until = following.toordinal() if following else STILL_OPEN
    work.replace_books(stored, keep(resumed, fills, facts, start, until))
    return following


def _end_of_stretch(days: Sequence[tuple[date, int]], most: int) -> date | None:
    """Return the first day that no longer fits with the days before it."""
    total = 0
    for number, (day, count) in enumerate(days):
        total += count
        if number and total > most:
            return day
    return None


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
    fills, _ = _opened(facts, _owned(work, account_ids, known, BEGINNING))
    return keep(empty_lots(), fills, facts, BEGINNING.toordinal()), len(known)


def _opened(facts: Facts, fills: pd.DataFrame) -> tuple[pd.DataFrame, list[Excess]]:
    """Put before an account's fills those that its opening balances stand for."""
    opening, excess = opening_fills(facts, fills)
    whole = pd.concat([opening, fills], ignore_index=True) if len(opening) else fills
    return whole, excess


def _excess(found: Excess, now: datetime) -> Break:
    subject = f"{found.instrument} {found.product}"
    evidence = {"units_too_many": str(found.units)}
    return Break(found.account_id, OPENING_DIFFERS, subject, now, evidence)


def _owned(
    work: UnitOfWork, account_ids: Sequence[int], fills: pd.DataFrame, day: date
) -> pd.DataFrame:
    """Give every fill to the account's own books, and once more to those of its strategies."""
    own = fills.assign(strategy_id="")
    owners = work.assignments(account_ids)
    if owners.empty or own.empty:
        return own
    since = first_shared(fills, owners)
    if since is not None and since < day.toordinal():  # which units are first was told by then
        earlier = work.fills(account_ids, date.fromordinal(since), day - timedelta(days=1))
        fills = pd.concat([earlier, fills], ignore_index=True)
    owned = owned_fills(fills, owners)
    return pd.concat([own, owned[owned["trade_date"] >= day.toordinal()]], ignore_index=True)


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
