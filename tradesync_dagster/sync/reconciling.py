"""Holding the books against the broker's own figures, and keeping the list of breaks.

What belongs here: which accounts can be compared at a look, and writing what came of it. What does
not: comparing (``domain.reconciliation``), what a break's life is (``domain.breaks``).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from tradesync_dagster.domain.answers import Outcome
from tradesync_dagster.domain.breaks import BreakState, settle
from tradesync_dagster.domain.reconciliation import KINDS, Figures, compare
from tradesync_dagster.domain.trading_hours import TradingHours
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.applying import Applied
from tradesync_dagster.sync.fetching import Answers
from tradesync_dagster.sync.rebuilding import AccountBooks


def reconcile(
    work: UnitOfWork,
    looks: Sequence[Answers],
    applied: Sequence[Applied],
    books: Mapping[int, AccountBooks],
    now: datetime,
    hours: TradingHours,
) -> dict[int, int]:
    """Compare what can be compared, and bring the breaks up to date.

    Only four complete answers on a trading day after the opening can be compared: before it,
    brokers still show the last day's positions. An account that cannot be compared keeps its
    breaks.

    Args:
        work: A transaction with the accounts' lease.
        looks: What the brokers said.
        applied: What that changed, in the same order.
        books: The accounts' books after it.
        now: UTC.
        hours: When the exchanges are open.

    Returns:
        How many of the compared kinds of breaks are open, by account id.
    """
    pairs = [
        (look, entry)
        for look, entry in zip(looks, applied, strict=True)
        if not entry.failed
        and all(f.outcome is Outcome.COMPLETE and not f.rejects for f in look.all)
        and all(hours.has_opened(fetch.requested_at) for fetch in look.all)
    ]
    account_ids = [look.account.account_id for look in looks]
    known = work.breaks(account_ids, KINDS)
    found = []
    if pairs:
        facts = work.facts(account_ids)
        for look, entry in pairs:
            found += compare(_figures(look, entry, books[look.account.account_id]), facts, now)
    compared = {look.account.account_id for look, _ in pairs}
    changed = settle([each for each in known if each.account_id in compared], found, now)
    work.put_known_breaks(changed)
    states = {(b.account_id, b.kind, b.subject): b.state for b in (*known, *changed)}
    return {
        account_id: sum(
            state is BreakState.OPEN for key, state in states.items() if key[0] == account_id
        )
        for account_id in account_ids
    }


def _figures(look: Answers, entry: Applied, books: AccountBooks) -> Figures:
    day = look.orders.trade_date
    # Trades that were derived from orders are the day's new ones only, and say nothing of orders.
    orders = () if look.trades.derived else entry.orders.values()
    return Figures(
        look.account.account_id,
        [order for order in orders if order.broker.trade_date == day],
        look.trades.rows,
        books.positions,
        books.holdings,
        look.positions.rows,
        look.holdings.rows,
    )
