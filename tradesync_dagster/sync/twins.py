"""Switching an account between its own broker and its paper twin.

What belongs here: when that may be, and writing it. What does not: opening the twin at its exchange
(``cli.paper``), which account an order goes to (``bootstrap.reading``).
"""

from collections.abc import Sequence
from datetime import datetime

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import PlacementRefusedError
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.order_states import AT_BROKER
from tradesync_dagster.domain.orders import Order
from tradesync_dagster.domain.ports import Store
from tradesync_dagster.domain.twins import LIVE, Route
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.retrying import FAILED_WITHIN


def switch(
    store: Store, account: Account, twin: Account, through: str, who: str, at: datetime
) -> Route:
    """Let an account's orders go to its broker, or to its paper twin, from the next one on.

    Args:
        store: The books.
        account: At a real broker.
        twin: Its paper account.
        through: ``live`` or ``paper``.
        who: Who does it.
        at: UTC.

    Returns:
        Where its orders go now.

    Raises:
        PlacementRefusedError: Orders of ours are open at the broker or in the twin, or failed and
            may be tried again.
    """
    with store.begin(sorted({account.account_id, twin.account_id})) as work:
        known = {one.account_id: one for one in work.routes()}.get(account.account_id)
        current = known.through if known else LIVE
        if known is not None and current == through:
            return known
        for one in (account, twin) if current != through else ():
            _check_idle(work, one, at)
        route = Route(account.account_id, twin.account_id, through, who, at)
        work.put_route(route)
    return route


def _check_idle(work: UnitOfWork, account: Account, at: datetime) -> None:
    """Refuse while orders of ours may still trade, and say of each kind what to do."""
    key, ids = account.key, [account.account_id]
    working = [order for order in work.standing(ids, AT_BROKER) if order.client_order_id]
    waiting = [
        order
        for order, entry in work.failed_orders(ids, trade_date_of(at - FAILED_WITHIN))
        if entry is None or at < entry.expires_at
    ]
    found = []
    if working:
        found.append(
            f"{_counted(working, 'open order')} of ours ({_named(working)}); cancel first, see: "
            f"tradesync orders list {key}"
        )
    if waiting:
        found.append(
            f"{_counted(waiting, 'order')} in the retry queue ({_named(waiting)}); retry or drop "
            f"first, see: tradesync orders queue {key}"
        )
    if found:
        raise PlacementRefusedError(f"{key} stays as it is: {'; and '.join(found)}")


def _counted(orders: Sequence[Order], what: str) -> str:
    return f"{len(orders)} {what}{'' if len(orders) == 1 else 's'}"


def _named(orders: Sequence[Order]) -> str:
    return ", ".join(sorted({order.broker.symbol for order in orders})[:5])
