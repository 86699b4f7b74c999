"""Finding the placement of ours that explains an order in a broker's book.

What belongs here: exact and compatible matches. What does not: what follows from them
(``external``).
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from tradesync_dagster.domain.orders import BrokerOrder, Intent, Order, order_id_of

CLOCK_SLACK = timedelta(seconds=60)
"""Most that the broker's clock may differ from ours."""
_LOST_FOR = timedelta(minutes=5)
"""How long before an unexplained order a lost placement of ours may have been made."""
OPEN_STATES = frozenset({"placing", "unknown"})
"""Of placements that the broker has not answered."""


class IntentMatcher:
    """Finds the placement of ours that explains an order."""

    def __init__(
        self, intents: Sequence[Intent], known: Iterable[Order], *, by_likeness: bool = True
    ) -> None:
        """Index the placements.

        Args:
            intents: Our placements that a book may show.
            known: The account's orders in the ledger.
            by_likeness: Whether an order without a tag may be ours: not where tags are kept.
        """
        self._by_tag = {intent.client_order_id: intent for intent in intents}
        # Brokers use ids again on other days: the times tell which placement one is of.
        self._by_broker_id: dict[str, list[Intent]] = {}
        for intent in intents:
            self._by_broker_id.setdefault(intent.broker_order_id, []).append(intent)
        orders = list(known)
        taken = {order.client_order_id for order in orders if order.broker.broker_order_id}
        self._open = [
            i
            for i in (intents if by_likeness else ())
            if i.state in OPEN_STATES and i.client_order_id not in taken
        ]
        sent = {intent.order_id for intent in intents}
        self._placed = {order.order_id: order for order in orders if order.order_id in sent}
        self._found: dict[UUID, str] = {}
        # Hashing an id anew for each row costs more than all else that is asked of it here.
        self._natural = {
            (order.broker.trade_date, order.broker.broker_order_id): order.order_id
            for order in orders
            if order.broker.broker_order_id
        }
        self._placed_ids = {
            (order.broker.trade_date, order.broker.broker_order_id): order_id
            for order_id, order in self._placed.items()
            if order.broker.broker_order_id
        }

    def order_id(self, account_id: int, row: BrokerOrder) -> UUID:
        """Name the ledger's order of a row: the one that we placed, or one by the broker's id."""
        known = self._placed_ids.get((row.trade_date, row.broker_order_id))
        intent = None if known else self.exact(row)
        order = self._placed.get(intent.order_id) if intent and intent.order_id else None
        if intent and order and order.client_order_id == intent.client_order_id:
            # Whatever the tag says, one order of ours is one row: the first, within one book.
            ours = order.broker.broker_order_id or self._found.get(order.order_id, "")
            if not order.in_book and ours in ("", row.broker_order_id):
                self._found[order.order_id] = row.broker_order_id
                return order.order_id
        if known is None:
            known = self._natural.get((row.trade_date, row.broker_order_id))
        return known or order_id_of(account_id, row.trade_date, row.broker_order_id)

    def exact(self, row: BrokerOrder) -> Intent | None:
        """Match by our tag, or by the id that the broker acknowledged."""
        for intent in self._by_broker_id.get(row.broker_order_id, ()):
            if _fits(row, intent):
                return intent
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
            and _fits(row, i)
        ]


def _fits(row: BrokerOrder, intent: Intent) -> bool:
    """Tell whether an order was placed when a placement of ours may have made it."""
    return -CLOCK_SLACK <= row.placed_at - intent.created_at <= _LOST_FOR
