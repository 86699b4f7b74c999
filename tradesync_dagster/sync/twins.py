"""Switching an account between its own broker and its paper twin.

What belongs here: when that may be, and writing it. What does not: opening the twin at its exchange
(``cli.paper``), which account an order goes to (``bootstrap.reading``).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import PlacementRefusedError
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.ports import Store
from tradesync_dagster.domain.twins import LIVE, Route

_DAYS = timedelta(days=370)
"""As long as an order of ours may rest."""


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
        PlacementRefusedError: Orders of ours are open at the broker or in the twin.
    """
    with store.begin(sorted({account.account_id, twin.account_id})) as work:
        known = {one.account_id: one for one in work.routes()}.get(account.account_id)
        current = known.through if known else LIVE
        if known is not None and current == through:
            return known
        since = trade_date_of(at - _DAYS)
        for one in (account, twin) if current != through else ():
            _check_idle(one, [
                order.broker.symbol
                for order in work.orders([one.account_id], since)
                if order.client_order_id and not order.status.is_terminal
            ])  # fmt: skip
        route = Route(account.account_id, twin.account_id, through, who, at)
        work.put_route(route)
    return route


def _check_idle(account: Account, symbols: Sequence[str]) -> None:
    if symbols:
        named = ", ".join(sorted(set(symbols))[:5])
        raise PlacementRefusedError(
            f"{account.key} has {len(symbols)} open orders of ours ({named}), so it stays as it "
            f"is; cancel them first, see: tradesync orders list {account.key}"
        )
