"""What one day closed, pair by pair: which lot, opened when and at what price, by which fill.

The books keep days' sums and the lots left open; the pairs behind a day's profit follow from the
lots of the evening before and the day's fills whenever somebody asks. What belongs here: that day.
What does not: keeping books (``bookkeeping``), the matching (``fifo``).
"""

from typing import Final

import pandas as pd

from tradesync_dagster.domain import lot_events
from tradesync_dagster.domain.book_days import closed_lots
from tradesync_dagster.domain.book_frames import QUEUE, Frame
from tradesync_dagster.domain.bookkeeping import entries_of, queued
from tradesync_dagster.domain.facts import Facts

CLOSED_COLUMNS: Final = (
    *QUEUE, "exchange", "symbol", "opened_on", "opened_at", "opened_by", "opening_price",
    "closed_at", "closed_by", "closing_price", "quantity", "realised_pnl",
)  # fmt: skip
"""A frame of closed lots: ``exchange`` and ``symbol`` are those of the closing fill; times in
microseconds since 1970 UTC, ``quantity`` signed as the lot was, ``realised_pnl`` in millionths,
without the multiplier."""


def closed_on(lots: Frame, fills: Frame, facts: Facts, day: int) -> Frame:
    """List what a day's trading and expiries closed.

    Args:
        lots: ``LOT_COLUMNS``, open at the end of the day before.
        fills: ``FILL_COLUMNS`` and ``strategy_id``, of the day.
        facts: The day's corporate actions and conversions change lots and fills first.
        day: Its ordinal.

    Returns:
        ``CLOSED_COLUMNS``, by queue, in the order in which they closed. Their profit sums up to the
        queue's of that day, but for what a conversion nets of two products, which no fill closes.
    """
    fills = queued(fills, facts)
    for change in lot_events.changes(facts, day):
        if change.day == day:
            moved = lot_events.apply(lots, fills, change, facts)
            lots, fills = moved.lots, moved.fills
    rows, entries, nets_within_day = entries_of(lots, fills, facts, day, day + 1)
    pairs = closed_lots(entries, nets_within_day)
    opened = rows.iloc[pairs.opened].reset_index(drop=True)
    closed = rows.iloc[pairs.closed].reset_index(drop=True)
    found = pd.DataFrame(
        {name: closed[name] for name in (*QUEUE, "exchange", "symbol")}
        | {
            "opened_on": opened["trade_date"],
            "opened_at": opened["filled_at"],
            "opened_by": opened["fill_id"],
            "opening_price": opened["price"],
            "closed_at": closed["filled_at"],
            "closed_by": closed["fill_id"],
            "closing_price": closed["price"],
            "quantity": pairs.quantity,
            "realised_pnl": pairs.realised,
        }
    )
    return found[list(CLOSED_COLUMNS)]
