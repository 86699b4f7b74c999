"""Ending orders whose day is over, where the broker has not ended them.

What belongs here: reading and writing them within a look. What does not: when a day is over
(``domain.expiry``), the look (``monitoring``).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from tradesync_dagster.domain.expiry import (
    EXPIRED_WITHOUT_WORD,
    GRACE,
    expire,
    is_overdue,
    is_past,
)
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.orders import Order
from tradesync_dagster.domain.trading_hours import TradingHours
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.applying import Applied
from tradesync_dagster.sync.settling import settle_where


def overdue(
    work: UnitOfWork, account_ids: Sequence[int], hours: TradingHours, now: datetime
) -> list[Order]:
    """Read the orders that are not ended and whose day is over.

    Args:
        work: A transaction.
        account_ids: Whose.
        hours: When the exchanges are open.
        now: UTC.
    """
    today = trade_date_of(now)
    session = hours.session(today)
    ended = session is not None and now >= session.closes_at + GRACE
    # Today's orders can be overdue only once its session is: most cycles read none of them.
    unended = work.unended(account_ids, today if ended else today - timedelta(days=1))
    return [order for order in unended if is_overdue(order, hours, now)]


def end_days(work: UnitOfWork, applied: Sequence[Applied], hours: TradingHours) -> None:
    """End what whole books, asked for after the day of an order, have no last word for.

    Args:
        work: A transaction with the accounts' lease.
        applied: What a look changed; added to. An account whose book did not come, was not
            believed or had rows that nobody could read is left for the next look.
        hours: When the exchanges are open.
    """
    sure = {
        entry.account.account_id: entry
        for entry in applied
        if entry.record is not None and "order_book" not in entry.failed and not entry.rejects
    }
    if not sure:
        return
    asked_at = min(entry.record.asked_at for entry in sure.values() if entry.record)
    ended = expire(overdue(work, sorted(sure), hours, asked_at), hours, asked_at)
    work.put_orders([order for order, _, _ in ended], [event for _, event, _ in ended])
    work.put_breaks([found for _, _, found in ended])
    asked = {
        account_id: entry.record.asked_at for account_id, entry in sure.items() if entry.record
    }
    settle_where(
        work,
        sorted(sure),
        (EXPIRED_WITHOUT_WORD,),
        lambda each: is_past(each.evidence, hours, asked[each.account_id]),
        asked_at,
    )
    for order, event, _ in ended:
        entry = sure[order.account_id]
        entry.orders[order.order_id] = order
        entry.events.append(event)
        entry.changed.add("orders")
