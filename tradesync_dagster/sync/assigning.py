"""Giving orders to strategies by hand, and taking them back.

What belongs here: changing an order's owner, with who and why, and making both owners' books anew.
What does not: guessing an owner.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from tradesync_dagster.domain.errors import OrderNotFoundError
from tradesync_dagster.domain.orders import OrderEvent
from tradesync_dagster.domain.ports import Store
from tradesync_dagster.sync.history import catch_up


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who gives which orders to which strategy.

    Attributes:
        strategy_id: Empty to take the orders back.
        who: The person, as the audit trail shows them.
        why: In their words.
    """

    order_ids: Sequence[UUID]
    strategy_id: str
    who: str
    why: str


def assign(store: Store, account_id: int, wanted: Assignment, now: datetime) -> int:
    """Change the owner of orders, each with an event, and make the books of all concerned anew.

    Args:
        store: The books.
        account_id: Whose orders.
        wanted: The change.
        now: UTC.

    Returns:
        How many orders changed; those that were the strategy's already are left alone.

    Raises:
        OrderNotFoundError: The account has no such order; nothing was changed.
    """
    with store.begin([account_id]) as work:
        known = {order.order_id: order for order in work.orders([account_id], date.min)}
        for order_id in wanted.order_ids:
            if order_id not in known:
                raise OrderNotFoundError(
                    f"the account has no order {order_id}; see its orders with: tradesync orders"
                )
        chosen = [known[order_id] for order_id in dict.fromkeys(wanted.order_ids)]
        moved = [order for order in chosen if order.strategy_id != wanted.strategy_id]
        if not moved:
            return 0
        work.put_orders(
            [replace(o, strategy_id=wanted.strategy_id, confidence=None) for o in moved],
            [
                OrderEvent(
                    order.order_id,
                    "assigned",
                    now,
                    {
                        "from": order.strategy_id,
                        "to": wanted.strategy_id,
                        "who": wanted.who,
                        "why": wanted.why,
                    },
                )
                for order in moved
            ],
        )
        work.mark_stale({account_id: min(order.broker.trade_date for order in moved)})
        catch_up(work, [account_id], now)
        return len(moved)
