"""Finding the placement of ours that explains an order in a broker's book.

What belongs here: exact and compatible matches. What does not: what follows from them
(``external``).
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from tradesync_dagster.domain.orders import BrokerOrder, Intent, Order

CLOCK_SLACK = timedelta(seconds=60)
"""Most that the broker's clock may differ from ours."""
_LOST_FOR = timedelta(minutes=5)
"""How long before an unexplained order a lost placement of ours may have been made."""
_OPEN = frozenset({"placing", "unknown"})


class IntentMatcher:
    """Finds the placement of ours that explains an order."""

    def __init__(self, intents: Sequence[Intent], known: Iterable[Order]) -> None:
        """Index the placements.

        Args:
            intents: Our placements that a book may show.
            known: The account's orders in the ledger.
        """
        self._by_tag = {intent.client_order_id: intent for intent in intents}
        self._by_broker_id = {i.broker_order_id: i for i in intents if i.broker_order_id}
        taken = {order.client_order_id for order in known if order.client_order_id}
        self._open = [i for i in intents if i.state in _OPEN and i.client_order_id not in taken]

    def exact(self, row: BrokerOrder) -> Intent | None:
        """Match by our tag, or by the id that the broker acknowledged."""
        by_id = self._by_broker_id.get(row.broker_order_id)
        if by_id is not None and -CLOCK_SLACK <= row.placed_at - by_id.created_at <= _LOST_FOR:
            return by_id
        return self._by_tag.get(row.tag) if row.tag else None

    def compatible(self, row: BrokerOrder) -> list[Intent]:
        """List placements without an answer that could have made this untagged order."""
        if row.tag:
            return []
        wanted = (row.exchange, row.symbol, row.product, row.side, row.quantity, row.order_type)
        return [
            i
            for i in self._open
            if (i.exchange, i.symbol, i.product, i.side, i.quantity, i.order_type) == wanted
            and -CLOCK_SLACK <= row.placed_at - i.created_at <= _LOST_FOR
        ]
