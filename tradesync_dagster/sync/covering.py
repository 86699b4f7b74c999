"""Whether strategies have what they sell once people have given orders, or taken buys away.

Looked at once the books follow the change, within its transaction: of a strategy that lacks the
quantity, the books would be short. What belongs here: that look. What does not: the same rule for
orders that are attributed, which is weighed beforehand (``domain.attribution``).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from tradesync_dagster.domain.attribution_evidence import Known
from tradesync_dagster.domain.book_frames import Frame
from tradesync_dagster.domain.errors import AssignmentRefusedError
from tradesync_dagster.domain.order_parts import shares_of
from tradesync_dagster.domain.orders import Order, Side
from tradesync_dagster.domain.unit_of_work import UnitOfWork


def check_covered(
    work: UnitOfWork, account_id: int, given: Sequence[Order], before: Sequence[Order]
) -> None:
    """Refuse sells given, and buys taken away, where a strategy is then short.

    At the end of any day since, or now. What came to nothing changes nothing.

    Args:
        work: A transaction whose books follow from the orders as they were given.
        account_id: Whose orders.
        given: Orders with their new owners.
        before: The same orders with the owners that they had.

    Raises:
        AssignmentRefusedError: A strategy lacks units.
    """
    sells = [one for one in given if one.broker.side is Side.SELL and _trades(one)]
    taken = [one for one in before if one.broker.side is Side.BUY and one.broker.filled_quantity]
    if not (sells or taken):
        return
    since = min(order.broker.trade_date for order in (*sells, *taken))
    known = Known(
        facts=work.facts([account_id]),
        strategies=(),
        claims=(),
        open_units=work.open_units([account_id]),
        owned=work.owned_orders([account_id], since),
    )
    names = {order.order_id: _instrument(known, order) for order in (*sells, *taken)}
    days = work.books_since([account_id], since, sorted(set(names.values()))).days
    for order in (*sells, *taken):
        for strategy_id in _owners(order):
            queue = days[
                (days["strategy_id"] == strategy_id)
                & (days["instrument"] == names[order.order_id])
                & (days["product"] == order.broker.product)
            ]
            left = known.left(_as_sell(order), strategy_id)
            lacking = max(_short(queue, order.broker.trade_date), -left)
            if lacking > 0:
                raise AssignmentRefusedError(_sentence(order, strategy_id, lacking))


def _trades(order: Order) -> bool:
    return bool(order.broker.filled_quantity) or not order.status.is_terminal


def _owners(order: Order) -> list[str]:
    shares = shares_of(order.strategy_id, order.parts)
    return [
        one.strategy_id
        for one in shares
        if one.strategy_id and one.within(0, order.broker.quantity)
    ]


def _as_sell(order: Order) -> Order:
    """Ask for what is left to sell: a buy that is taken away leaves less of it."""
    return replace(order, broker=replace(order.broker, side=Side.SELL))


def _instrument(known: Known, order: Order) -> str:
    row = order.broker
    return known.facts.instrument(row.exchange, row.symbol, row.product)


def _short(queue: Frame, day: date) -> int:
    """Return how many units a queue was short, at most, at the end of any day since one."""
    quantities = queue.loc[queue["trade_date"] >= day.toordinal(), "quantity"]
    return 0 if quantities.empty else max(-int(quantities.min()), 0)


def _sentence(order: Order, strategy_id: str, units: int) -> str:
    row = order.broker
    if row.side is Side.BUY:
        return (
            f"without the buy {order.order_id} of {row.quantity}, {strategy_id} is short of "
            f"{units} of {row.exchange}:{row.symbol} ({row.product}) that it has sold: take the "
            "sells too, or allow it to be short (--allow-short, or allow_short over HTTP)"
        )
    return (
        f"{strategy_id} lacks {units} of {row.exchange}:{row.symbol} ({row.product}) for the sell "
        f"{order.order_id} of {row.quantity}: give it the buys before, or with the sell, or allow "
        "it to be short (--allow-short, or allow_short over HTTP)"
    )
