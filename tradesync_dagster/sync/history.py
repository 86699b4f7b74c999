"""The books of past days: reading them, making them anew, and proving that they hold.

What belongs here: as-of reads, rebuilds over a range of days, the replay audit, performance. What
does not: a sync's own bookkeeping (``rebuilding``), the accounting (``domain``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import pandas as pd

from tradesync_dagster.domain.book_frames import DAY_COLUMNS, LOT_COLUMNS
from tradesync_dagster.domain.market_calendar import trading_days
from tradesync_dagster.domain.performance import Curve, curves
from tradesync_dagster.domain.ports import Store
from tradesync_dagster.domain.positions import Shown
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.rebuilding import BEGINNING, keep_books, kept_whole, shown_on


def as_of(store: Store, account_ids: Sequence[int], day: date) -> Shown:
    """Read positions and holdings as they stood at a day's end.

    Args:
        store: The books.
        account_ids: Whose.
        day: The exchange's day.

    Returns:
        The same rows that a sync at that day's end would have made from what is known by now.
    """
    with store.look() as work:
        return shown_on(work, account_ids, day, None)


def rebuild_history(store: Store, account_ids: Sequence[int], since: date, now: datetime) -> None:
    """Make the books of a day and all later ones anew, all accounts in one pass.

    Args:
        store: The books.
        account_ids: Whose.
        since: The first day.
        now: UTC.
    """
    with store.begin(account_ids) as work:
        work.mark_stale(dict.fromkeys(account_ids, since))
        catch_up(work, account_ids, now)


def catch_up(work: UnitOfWork, account_ids: Sequence[int], now: datetime) -> None:
    """Keep books anew where they are stale, leaving the shown positions to the next sync.

    Args:
        work: A transaction with the accounts' lease.
        account_ids: Whose.
        now: UTC.
    """
    known = list(work.generations(account_ids).values())
    keep_books(work, known, now)
    # The shown rows follow at the next sync, which a generation of long ago makes due.
    work.put_generations(
        replace(one, stale_from=None, generated_at=None)
        for one in known
        if one.stale_from is not None
    )


@dataclass(frozen=True, slots=True)
class Replay:
    """What a full replay of one account's fills found.

    Attributes:
        fills: How many were replayed.
        differences: Rows that are stored and should not be, or the reverse, in words; bounded.
        count: How many there are.
        stale: Whether the books wait to be made anew, so that differences are no error.
    """

    fills: int
    differences: tuple[str, ...]
    count: int
    stale: bool


_MOST_DIFFERENCES = 20


def replay(store: Store, account_ids: Sequence[int]) -> dict[int, Replay]:
    """Keep the books once more from the first fill, and compare with what is stored.

    Args:
        store: The books; nothing is written.
        account_ids: Whose.

    Returns:
        By account id.
    """
    found = {}
    with store.look() as work:
        for account_id in account_ids:  # one by one: a whole history is held in memory
            stored = work.books_since([account_id], BEGINNING, None)
            kept, fills = kept_whole(work, [account_id])
            lines = [
                *_differences("lot", stored.lots, kept.lots, LOT_COLUMNS),
                *_differences("day", stored.days, kept.days, DAY_COLUMNS),
            ]
            stale = work.generations([account_id])[account_id].stale_from is not None
            shown = tuple(lines[:_MOST_DIFFERENCES])
            found[account_id] = Replay(fills, shown, len(lines), stale)
    return found


def _differences(
    what: str, stored: pd.DataFrame, kept: pd.DataFrame, columns: Sequence[str]
) -> list[str]:
    old, new = (
        set(zip(*(frame[name].to_numpy(dtype=object).tolist() for name in columns), strict=True))
        for frame in (stored, kept)
    )
    return [
        *(f"stored {what} that the fills do not give: {row}" for row in sorted(old - new)),
        *(f"{what} that the fills give and is not stored: {row}" for row in sorted(new - old)),
    ]


def performance(
    store: Store, account_ids: Sequence[int], since: date, until: date
) -> Mapping[tuple[int, str], Curve]:
    """Follow accounts and strategies over trading days.

    Args:
        store: The books.
        account_ids: Whose.
        since: The first day; profit before it counts on it.
        until: The last day.

    Returns:
        By (account id, strategy id); the account's own books have the empty strategy.
    """
    calendar = [day.toordinal() for day in trading_days(since, until)]
    if not calendar or calendar[-1] != until.toordinal():
        calendar.append(until.toordinal())
    with store.look() as work:
        days = work.books_since(account_ids, BEGINNING, None).days
        prices = work.closing_prices(until)
        multipliers = {key: times for key, (times, _) in work.instruments().items()}
    return curves(days, prices, multipliers, calendar)
