"""Trades of brokers that have none: what their orders tell, held against the books' own fills.

What belongs here: fetching the memory and handing it over. What does not: the arithmetic
(``domain.watermarks``), which order books are believed (``applying``).
"""

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import datetime

from tradesync_dagster.domain.answers import Outcome
from tradesync_dagster.domain.breaks import KnownBreak, order_subject
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.domain.watermarks import KINDS, derive, known_in
from tradesync_dagster.sync.fetching import Answers
from tradesync_dagster.sync.settling import settle_where


def derive_trades(
    work: UnitOfWork, looks: Sequence[Answers], believed: Set[int], now: datetime
) -> Sequence[Answers]:
    """Fill in the trades that follow from orders; store as breaks what cannot be a trade.

    Args:
        work: A transaction with the accounts' lease.
        looks: One an account.
        believed: The accounts whose order books were applied.
        now: UTC.

    Returns:
        The looks. Derived trades bear their order book's time and hash, so that the same book again
        is nothing new; those of a book that was not applied are no answer at all.
    """
    derived = [look for look in looks if look.trades.derived]
    asked = [look for look in derived if look.account.account_id in believed]
    days = [row.trade_date for look in asked for row in look.orders.rows]
    ids = [look.account.account_id for look in asked]
    known = known_in(work.fills(ids, min(days))) if days else {}
    shown: dict[int, set[str]] = {}
    broken: set[tuple[int, str, str]] = set()
    for look in derived:
        account_id, orders = look.account.account_id, look.orders
        if account_id not in believed:
            look.trades = replace(look.trades, outcome=Outcome.FAILED)
            continue
        found = derive(account_id, orders.rows, known.get(account_id, {}), orders.requested_at)
        work.put_breaks(found.breaks)
        shown[account_id] = {order_subject(row) for row in orders.rows}
        broken |= {(account_id, each.kind, each.subject) for each in found.breaks}
        look.trades = replace(
            look.trades,
            trade_date=orders.trade_date,
            requested_at=orders.requested_at,
            rows=tuple(found.fills),
            payload_hash=orders.payload_hash,
        )

    def gone(each: KnownBreak) -> bool:
        key = (each.account_id, each.kind, each.subject)
        return each.subject in shown[each.account_id] and key not in broken

    settle_where(work, sorted(shown), KINDS, gone, now)
    return looks
