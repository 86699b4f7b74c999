"""What is left of a strategy's capital.

What belongs here: counting what it has in positions and working orders. What does not: the limits
of the account (``exposure``).
"""

from datetime import date

from tradesync_dagster.domain.mandates import Mandate
from tradesync_dagster.domain.order_states import AT_BROKER
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.tasks.desk import Units


def free_capital(work: UnitOfWork, account_id: int, mandate: Mandate, since: date) -> int:
    """Say what a strategy may still buy for.

    Args:
        work: A transaction.
        account_id: Where it trades.
        mandate: Its mandate.
        since: The trading day before; orders of earlier days work no more.

    Returns:
        Millionths: its capital less its positions at the last prices and its working buys at their
        limits; never negative.
    """
    units, used = Units.of(work, account_id), 0
    for rule in work.exits(account_id):
        if rule.strategy_id == mandate.strategy_id:
            multiplier, price = work.instrument(rule.exchange, rule.symbol) or (1, None)
            held = units.held(rule.strategy_id, rule.exchange, rule.symbol, rule.product)
            used += max(held, 0) * multiplier * (price or rule.stop or rule.target)
    for order in work.orders([account_id], since):
        row = order.broker
        works = order.status in AT_BROKER
        if works and order.strategy_id == mandate.strategy_id and row.side is Side.BUY:
            multiplier, _ = work.instrument(row.exchange, row.symbol) or (1, None)
            used += (row.quantity - row.filled_quantity) * multiplier * row.price
    return max(mandate.capital - used, 0)
