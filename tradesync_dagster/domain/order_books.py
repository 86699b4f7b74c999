"""What a broker's order book and the ledger's orders of a day tell as a whole.

What belongs here: losses, counts. What does not: what becomes of single orders (``external``).
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date

from tradesync_dagster.domain.answers import Fetch
from tradesync_dagster.domain.orders import BrokerOrder, Order, Origin


def missing_ids(known: Iterable[Order], fetch: Fetch[BrokerOrder], trade_date: date) -> list[str]:
    """List orders that a complete book of their own day no longer holds.

    Args:
        known: The account's orders in the ledger.
        fetch: A complete book.
        trade_date: The day whose book it is.

    Returns:
        Broker ids, sorted. Any at all means that the book is not to be believed.
    """
    seen = {row.broker_order_id for row in fetch.rows if row.trade_date == trade_date}
    seen |= {reject.row_id for reject in fetch.rejects}
    return sorted(
        order.broker.broker_order_id
        for order in known
        if order.in_book
        and order.broker.trade_date == trade_date
        and order.broker.broker_order_id not in seen
    )


def count_origins(orders: Iterable[Order], trade_date: date) -> Counter[Origin]:
    """Count a day's orders by origin.

    Args:
        orders: The ledger's orders.
        trade_date: The day.

    Returns:
        Counts by origin.
    """
    return Counter(order.origin for order in orders if order.broker.trade_date == trade_date)
