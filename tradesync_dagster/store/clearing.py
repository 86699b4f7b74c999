"""Clearing away what is only of passing interest, a bounded number of rows in each transaction.

What belongs here: which rows of evidence and of ticks may go. What does not: when (``defs``,
``bootstrap``), and the books, which nothing here ever clears.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
)

from tradesync_dagster.domain.breaks import BreakState
from tradesync_dagster.store import tables
from tradesync_dagster.store.evidence_tables import quiet_looks, raw_payloads

MOST = 5_000
"""Most rows of one transaction, so that a sync never waits long for it."""

Write = Callable[[Callable[[Connection], int]], int]
"""Does work in a transaction of its own and returns what it returned."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Since when what is kept, UTC.

    Attributes:
        ticks: Summaries and results of ticks, and messages that were sent.
        looks: What was asked and came.
        passing: Of those messages, the ones that tell of nothing new.
        payloads: Answers word for word, by when they last came as something new.
    """

    ticks: datetime
    looks: datetime
    passing: datetime
    payloads: datetime


def clear(write: Write, kept: Kept) -> dict[str, int]:
    """Delete what is older than it is kept.

    Args:
        write: From the store.
        kept: Since when.

    Returns:
        How many rows went, by table.
    """
    return {table.name: _cleared(write, table, old) for table, old in _old(kept).items()}


def _cleared(write: Write, table: Table, old: ColumnElement[bool]) -> int:
    key = list(table.primary_key.columns)
    statement = delete(table).where(tuple_(*key).in_(select(*key).where(old).limit(MOST)))
    total = 0
    while gone := write(lambda connection: connection.execute(statement).rowcount):
        total += gone
        if gone < MOST:
            break
    return total


def _old(kept: Kept) -> Mapping[Table, Any]:
    ticks, outbox, results = tables.ticks, tables.outbox, tables.sync_results
    later = results.alias()
    newest = (
        select(func.max(later.c.started_at))
        .where(later.c.account_id == results.c.account_id)
        .scalar_subquery()
    )
    return {
        ticks: ticks.c.started_at < kept.ticks,
        # An account's last result stays, however old: the next quiet sync repeats it.
        results: and_(results.c.started_at < kept.ticks, results.c.started_at < newest),
        outbox: and_(
            outbox.c.sent_at.is_not(None),
            or_(
                outbox.c.sent_at < kept.ticks,
                and_(outbox.c.passing, outbox.c.sent_at < kept.passing),
            ),
        ),
        quiet_looks: quiet_looks.c.asked_at < kept.looks,
        raw_payloads: _old_payloads(kept.payloads),
    }


def _old_payloads(since: datetime) -> ColumnElement[bool]:
    """Tell payloads that nothing refers to: neither a refusal, nor a break, nor the next sync."""
    table, states, breaks = raw_payloads, tables.book_states, tables.breaks
    # One that several accounts sent, or of before this was kept, is of any account.
    theirs = or_(table.c.account_id.is_(None), breaks.c.account_id == table.c.account_id)
    return and_(
        table.c.last_seen_at < since,
        ~table.c.held,
        ~exists().where(states.c.payload_hash == table.c.payload_hash),
        ~exists().where(theirs, breaks.c.state != BreakState.RESOLVED.value),
    )
