"""From fills to books: what a queue is, and India's rules about it.

One queue an account (or strategy), instrument and product. Delivery shares are one instrument on
all exchanges (by ISIN), and what is bought and sold of them on one day pairs within the day before
it touches older lots, as the exchanges settle it. Corporate actions and product conversions change
open lots at the start of a day, so books are kept from one such day to the next; expiries close
what is open.

What belongs here: turning fills, lots and facts into entries, and matches back into lots and days.
What does not: the matching (``fifo``), the days' arithmetic (``book_days``), changing lots
(``lot_events``), storing.

Cost: one sort and one pass over the entries, whatever the number of accounts; one more pass over
the queues concerned for each day with a corporate action or conversion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from tradesync_dagster.domain import lot_events
from tradesync_dagster.domain.book_days import STILL_OPEN, BoolArray, Entries, close_days
from tradesync_dagster.domain.book_frames import (
    DAY_COLUMNS,
    LOT_COLUMNS,
    QUEUE,
    Frame,
    empty_days,
    empty_lots,
    fifo_place,
    like_frame,
    rows_of,
)
from tradesync_dagster.domain.conversions import converted
from tradesync_dagster.domain.facts import DELIVERY, Facts, Settlement

SETTLED: Final = "settlement"
"""How the fill ids begin of what closes an expired contract; its time is after any other's."""


@dataclass(frozen=True, slots=True)
class Books:
    """What was kept: every lot open at the end of some day, and every day of every queue.

    Attributes:
        lots: ``LOT_COLUMNS``, by queue, lot and time; a lot that resumes an earlier one begins
            where that began.
        days: ``DAY_COLUMNS``, by queue and day.
    """

    lots: Frame
    days: Frame


def keep(lots: Frame, fills: Frame, facts: Facts, start: int, until: int = STILL_OPEN) -> Books:
    """Keep books from a day on.

    Args:
        lots: Open at the end of the day before ``start``.
        fills: ``FILL_COLUMNS`` and ``strategy_id``, of ``start`` until before ``until``, of the
            same queues.
        facts: Corporate actions, conversions and expiries of that time are applied; opening
            balances are among the fills already (``opening_fills``).
        start: Ordinal of the first day.
        until: Ordinal of the first day that is left out, to be kept from there.

    Returns:
        The books of every day from ``start`` on; the lots given are among them.
    """
    fills = queued(fills, facts)
    changes = [change for change in lot_events.changes(facts, start) if change.day < until]
    concerned = lot_events.concerned(pd.concat([lots[QUEUE], fills[QUEUE]]), facts, changes)
    lot_changes, fill_changes = (lot_events.is_in(frame, concerned) for frame in (lots, fills))
    done = [_pass(lots[~lot_changes], fills[~fill_changes], facts, start, until)]
    lots, fills = lots[lot_changes], fills[fill_changes]
    for change in changes if concerned else ():
        before = fills["trade_date"] < change.day
        part = _pass(lots, fills[before], facts, start, change.day)
        open_now = part.lots["held_to"] == STILL_OPEN
        moved = lot_events.apply(part.lots[open_now], fills[~before], change, facts)
        done.append(Books(pd.concat([part.lots[~open_now], moved.ended]), part.days))
        done.append(Books(empty_lots(), moved.days))
        lots, fills, start = moved.lots, moved.fills, change.day
    if concerned:
        done.append(_pass(lots, fills, facts, start, until))
    return _joined(done)


def as_converted(fills: Frame, facts: Facts, day: int) -> Frame:
    """Put a day's fills into the products to which the broker moved them on that day.

    Args:
        fills: ``FILL_COLUMNS``, of the day.
        facts: With the conversions.
        day: Its ordinal.

    Returns:
        The fills; one that was moved in part is two.
    """
    moves = [m for m in facts.conversions if m.trade_date.toordinal() == day and not m.overnight]
    if not moves:
        return fills
    named = queued(fills.assign(strategy_id=""), facts)
    rows = sorted(rows_of(named), key=fifo_place("filled_at"))
    for move in sorted(moves, key=lambda m: (m.account_id, m.conversion_id)):
        rows = converted(rows[::-1], move, facts)[::-1]
    return like_frame(rows, named)[list(fills.columns)]


def queued(fills: Frame, facts: Facts) -> Frame:
    """Name each fill's instrument, which with ``strategy_id`` tells its queue."""
    keys = ["exchange", "symbol", "product", "isin"]
    groups = fills.groupby(keys, sort=False).ngroup().to_numpy()
    distinct = fills.loc[~fills.duplicated(keys), keys]
    names = [facts.instrument(*row) for row in distinct.itertuples(index=False)]
    return fills.assign(instrument=np.array(names, dtype=object)[groups] if names else [], piece=0)


def _pass(lots: Frame, fills: Frame, facts: Facts, start: int, until: int) -> Books:
    """Keep books from ``start`` until before ``until``, with trading and expiries only."""
    rows, entries, nets_within_day = entries_of(lots, fills, facts, start, until)
    if rows.empty:
        return Books(empty_lots(), empty_days())
    spans, days = close_days(entries, nets_within_day)
    return Books(_lots(rows, spans), _days(rows, days, start))


def entries_of(
    lots: Frame, fills: Frame, facts: Facts, start: int, until: int
) -> tuple[Frame, Entries, BoolArray]:
    """Put open lots, fills and expiries into the order in which queues match them.

    Args:
        lots: Open at the end of the day before ``start``.
        fills: Of ``start`` until before ``until``, ``queued``.
        facts: With the expiries.
        start: Ordinal of the first day.
        until: Ordinal of the first day that is left out.

    Returns:
        A row for each entry, the entries, and whether each queue nets within a day.
    """
    carried = lots.rename(columns={"opened_at": "filled_at"}).assign(day=start - 1)
    traded = fills.assign(day=fills["trade_date"], held_from=-1)
    columns = [*QUEUE, "day", "trade_date", "fill_id", "piece", "held_from", "exchange", "symbol",
               "filled_at", "quantity", "price"]  # fmt: skip
    parts = [part[columns] for part in (carried, traded) if len(part)] or [carried[columns]]
    rows = pd.concat(parts, ignore_index=True)
    rows = _settled(rows, [s for s in facts.settlements if s.expiry.toordinal() < until])
    queue = rows.groupby(QUEUE, sort=True).ngroup().to_numpy()
    order = fifo_order(queue, rows["day"].to_numpy(), rows["filled_at"].to_numpy(), rows)
    rows, queue = rows.iloc[order].reset_index(drop=True), queue[order].astype(np.int64)
    entries = Entries(
        queue,
        rows["day"].to_numpy(np.int64),
        rows["quantity"].to_numpy(np.int64),
        rows["price"].to_numpy(np.int64),
    )
    first = np.flatnonzero(np.diff(queue, prepend=-1))
    return rows, entries, rows["product"].isin(DELIVERY).to_numpy(np.bool_)[first]


def fifo_order(queue: Any, day: Any, at: Any, rows: Frame) -> Any:
    """Return the order of entries: by queue, day, time, and where these are equal by fill.

    Args:
        queue: Each row's queue.
        day: Each row's day.
        at: Each row's time.
        rows: With ``fill_id``, ``piece`` and ``held_from``; of two equal times the shorter id, then
            the lower one comes first, which puts an exchange's numbers in their order.

    Returns:
        Row numbers.
    """
    order = np.lexsort((at, day, queue))
    same = (np.diff(queue[order]) == 0) & (np.diff(day[order]) == 0) & (np.diff(at[order]) == 0)
    tied = np.flatnonzero(np.concatenate((same, [False])) | np.concatenate(([False], same)))
    if tied.size == 0:
        return order
    group = np.cumsum(np.concatenate(([True], ~same)))[tied].tolist()
    picked = order[tied]
    ids, pieces, begun = (
        rows[name].to_numpy()[picked].tolist() for name in ("fill_id", "piece", "held_from")
    )
    keys = [
        (g, len(i), i, p, h, k)
        for k, (g, i, p, h) in enumerate(zip(group, ids, pieces, begun, strict=True))
    ]
    order[tied] = picked[[key[-1] for key in sorted(keys)]]
    return order


def _settled(rows: Frame, settlements: Sequence[Settlement]) -> Frame:
    """Close what is open of expired derivatives, at their settlement price."""
    by_name = {f"{s.exchange}:{s.symbol}": s for s in settlements}
    expired = rows[rows["instrument"].isin(by_name.keys())]
    if expired.empty:
        return rows
    found = [by_name[name] for name in expired["instrument"]]
    # Should a fill claim to be later than the expiry, its own day closes what it opened.
    ends = np.maximum([s.expiry.toordinal() for s in found], expired["day"].to_numpy())
    expired = expired.assign(day=ends, price=[s.price for s in found])
    key = [*QUEUE, "day"]
    last = expired.drop_duplicates(key, keep="last").set_index(key, drop=False)
    net = expired.groupby(key)["quantity"].sum().reindex(last.index)
    closing = last.reset_index(drop=True).assign(
        quantity=-net.to_numpy(),
        trade_date=last["day"].to_numpy(),
        filled_at=np.iinfo(np.int64).max,
        fill_id=f"{SETTLED}:" + last["instrument"].to_numpy(),
        held_from=-1,
        piece=0,
    )
    return pd.concat([rows, closing[closing["quantity"] != 0]], ignore_index=True)


def _lots(rows: Frame, spans: Any) -> Frame:
    lots = rows.iloc[spans.entry].reset_index(drop=True).rename(columns={"filled_at": "opened_at"})
    lots["quantity"], lots["held_to"] = spans.quantity, spans.held_to
    resumed = (lots["held_from"].to_numpy() >= 0) & (spans.held_from == lots["day"].to_numpy())
    lots["held_from"] = np.where(resumed, lots["held_from"].to_numpy(), spans.held_from)
    # A lot that a change made anew and the same day's trading closed was open at no day's end.
    kept: Frame = lots.loc[lots["held_from"] < lots["held_to"], list(LOT_COLUMNS)]
    return kept


def _days(rows: Frame, days: Any, start: int) -> Frame:
    frame = rows.iloc[days.entry][[*QUEUE, "exchange", "symbol"]].reset_index(drop=True)
    frame = frame.assign(
        trade_date=days.day,
        quantity=days.quantity,
        cost=days.cost,
        realised_pnl=days.realised,
        wins=days.wins,
        losses=days.losses,
    )
    kept: Frame = frame.loc[days.day >= start, list(DAY_COLUMNS)]
    return kept


def _joined(parts: Sequence[Books]) -> Books:
    lots = pd.concat([p.lots for p in parts if len(p.lots)] or [empty_lots()], ignore_index=True)
    days = pd.concat([p.days for p in parts if len(p.days)] or [empty_days()], ignore_index=True)
    if len(parts) > 1:
        days = _merged(days).sort_values([*QUEUE, "trade_date"], ignore_index=True)
    return Books(lots, days)


def _merged(days: Frame) -> Frame:
    """Join the two rows of a day on which lots changed first and trading went on."""
    key = [*QUEUE, "trade_date"]
    twice = days.duplicated(key, keep=False)
    if not twice.any():
        return days
    sums = days[twice].groupby(key)[["realised_pnl", "wins", "losses"]].sum().reset_index()
    last = days[twice].drop_duplicates(key, keep="last").drop(columns=sums.columns[len(key) :])
    joined = last.merge(sums, on=key)[list(DAY_COLUMNS)]
    return pd.concat([days[~twice], joined], ignore_index=True)
