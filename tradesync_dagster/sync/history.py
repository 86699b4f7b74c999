"""The books of past days: reading them, making them anew, and proving that they hold.

What belongs here: as-of reads, rebuilds over a range of days, the replay audit, performance. What
does not: a sync's own bookkeeping (``rebuilding``), the accounting (``domain``).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import pandas as pd

from tradesync_dagster.domain.book_frames import DAY_COLUMNS, LOT_COLUMNS
from tradesync_dagster.domain.book_states import Generation, Unshown
from tradesync_dagster.domain.performance import Curve, curves
from tradesync_dagster.domain.ports import Store
from tradesync_dagster.domain.positions import Shown
from tradesync_dagster.domain.trading_hours import TradingHours
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.keeping import BEGINNING, keep_books, keep_stretch, kept_whole
from tradesync_dagster.sync.rebuilding import shown_on


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


def catch_up_by_stretches(store: Store, account_id: int, now: datetime) -> None:
    """Keep one account's books anew where they are stale, a transaction for each stretch of days.

    For histories so long that others should not wait for all of it. Between two stretches the
    books are whole up to a day and stale from the next; a sync or a rerun goes on from there.

    Args:
        store: The books.
        account_id: Whose.
        now: UTC.
    """
    known = Generation(account_id, stale_from=BEGINNING)
    while known.stale_from is not None:
        with store.begin([account_id]) as work:
            before = work.generations([account_id])[account_id]
            known = keep_stretch(work, before, now)
            if known != before:
                work.put_generations([known])


def unshown(store: Store, account_ids: Sequence[int]) -> list[Unshown]:
    """Read which accounts have days that changed since they were last shown.

    Args:
        store: The books.
        account_ids: Whose.

    Returns:
        One entry for each such account.
    """
    with store.look() as work:
        return work.unshown(account_ids)


def mark_shown(
    store: Store, known: Sequence[Unshown], first: date, last: date, today: date
) -> None:
    """Note that accounts' days were shown.

    Args:
        store: The books.
        known: What ``unshown`` told before the days were read.
        first: The first day from which on changes are shown.
        last: The last day that was shown.
        today: The exchange's day; what comes on it later changes it again.
    """
    shown = [one for one in known if first <= one.since <= last and not one.stale]
    if shown:
        with store.begin([one.account_id for one in shown]) as work:
            work.mark_shown(shown, last + timedelta(days=1) if last < today else None)


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
    store: Store, account_ids: Sequence[int], since: date, until: date, hours: TradingHours
) -> Mapping[tuple[int, str], Curve]:
    """Follow accounts and strategies over trading days.

    Args:
        store: The books.
        account_ids: Whose.
        since: The first day; profit before it counts on it.
        until: The last day.
        hours: Which days are trading days.

    Returns:
        By (account id, strategy id); the account's own books have the empty strategy.
    """
    days, follow = _followed(store, account_ids, since, until, hours)
    return follow(days)


def daily(
    store: Store, account_ids: Sequence[int], since: date, until: date, hours: TradingHours
) -> dict[int, dict[str, Curve]]:
    """Follow accounts' own books over trading days, each product by itself and all together.

    Args:
        store: The books.
        account_ids: Whose.
        since: The first day; profit before it counts on it.
        until: The last day.
        hours: Which days are trading days.

    Returns:
        By account id and product; all products together have the empty name.
    """
    days, follow = _followed(store, account_ids, since, until, hours)
    own = days[days["strategy_id"] == ""]
    parts = {"": own} | {str(name): part for name, part in own.groupby("product")}
    found: dict[int, dict[str, Curve]] = defaultdict(dict)
    for product, part in parts.items():
        for (account_id, _), curve in follow(part).items():
            found[account_id][product] = curve
    return found


def _followed(
    store: Store, account_ids: Sequence[int], since: date, until: date, hours: TradingHours
) -> tuple[pd.DataFrame, Callable[[pd.DataFrame], Mapping[tuple[int, str], Curve]]]:
    """Read queues' days, and what makes curves of them over a calendar."""
    calendar = [day.toordinal() for day in hours.trading_days(since, until)]
    if not calendar or calendar[-1] != until.toordinal():
        calendar.append(until.toordinal())
    with store.look() as work:
        days = work.books_since(account_ids, BEGINNING, None).days
        prices = work.closing_prices(until)
        multipliers = {key: times for key, (times, _) in work.instruments().items()}
    return days, lambda part: curves(part, prices, multipliers, calendar)
