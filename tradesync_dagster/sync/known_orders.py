"""Which of the books' orders a look at the brokers is held against.

What belongs here: what to read for it, in as few queries as accounts and days allow. What does not:
what an answer changes (``applying``).
"""

from collections.abc import Sequence
from uuid import UUID

from tradesync_dagster.domain.carried_orders import LONGEST_WAIT
from tradesync_dagster.domain.orders import AMO, Order
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.fetching import Answers


def known_orders(
    work: UnitOfWork, looks: Sequence[Answers], account_ids: Sequence[int]
) -> dict[int, dict[UUID, Order]]:
    """Read the orders that the looks' answers may say something new of.

    Args:
        work: A transaction with the accounts' lease.
        looks: One an account.
        account_ids: Theirs, in the same order.

    Returns:
        Orders by account and id: those of the answers' days; where an answer holds only a part of
        the book, those it names; and after-market orders that may have waited for days.
    """
    dates = [row.trade_date for look in looks for row in look.orders.rows]
    partly = [look for look in looks if look.orders.base]
    parts = {(p.account.account_id, row.broker_order_id) for p in partly for row in p.orders.rows}
    since = min([*dates, *(look.orders.trade_date for look in looks)])
    known: dict[int, dict[UUID, Order]] = {}
    waiting = [
        look.account.account_id
        for look in looks
        if any(row.variety == AMO for row in look.orders.rows)
    ]
    carried = work.orders(waiting, since - LONGEST_WAIT) if waiting else []
    narrow = {look.account.account_id for look in partly}
    whole = work.orders([one for one in account_ids if one not in narrow], since)
    named = work.orders(sorted(narrow), since, {name for _, name in parts}) if parts else []
    # Ids of brokers are their accounts' own: another account's may be the same.
    mine = [order for order in named if (order.account_id, order.broker.broker_order_id) in parts]
    for order in (*carried, *whole, *mine):
        known.setdefault(order.account_id, {})[order.order_id] = order
    return known
