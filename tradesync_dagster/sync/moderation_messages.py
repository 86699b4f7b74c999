"""What is told of moderated fake orders: a message for an organization, never for an account.

What belongs here: the messages' words and names. What does not: writing them into the outbox
(``moderating``), sending (``publishing``).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from uuid import UUID, uuid5

from tradesync_dagster.domain.fake_orders import FakeOrder, decimal_text, milliseconds
from tradesync_dagster.domain.publications import OutboxMessage
from tradesync_dagster.sync.documents import EXCHANGE, as_json, timestamp

MOST_ORDERS = 500
"""In one message."""
_KIND = "fake_orders_moderated"
_MESSAGES = UUID("2d0c2f63-9d0b-5a53-8a8e-6b7d3d0f9a11")


def fake_orders_moderated(orders: Sequence[FakeOrder]) -> Iterator[OutboxMessage]:
    """Tell of the decisions of one transaction.

    Args:
        orders: Just decided; an order is decided once, so that its id names the message it leads.

    Yields:
        A message for each organization and at most ``MOST_ORDERS`` orders.
    """
    ordered = sorted(orders, key=lambda order: order.organization_id)
    for organization_id, group in groupby(ordered, lambda order: order.organization_id):
        of_one = list(group)
        for start in range(0, len(of_one), MOST_ORDERS):
            yield _message(organization_id, of_one[start : start + MOST_ORDERS])


def _message(organization_id: str, orders: Sequence[FakeOrder]) -> OutboxMessage:
    at = orders[0].decided_at or orders[0].hour_start_utc
    counts = Counter(str(order.status).lower() for order in orders)
    body = {
        "type": _KIND,
        "organization_id": organization_id,
        "timestamp": timestamp(at.replace(microsecond=0)),
        "summary": dict(sorted(counts.items())),
        "orders": [_told(order) for order in orders],
    }
    return OutboxMessage(
        message_id=str(uuid5(_MESSAGES, str(orders[0].order_id))),
        account_id=None,
        exchange=EXCHANGE,
        routing_key=f"organization.{organization_id}.{_KIND}",
        body=as_json(body),
        created_at=at,
    )


def _told(order: FakeOrder) -> dict[str, str | None]:
    return {
        "order_id": str(order.order_id),
        "status": str(order.status),
        "hour_start_utc": milliseconds(order.hour_start_utc),
        "rt_lmp": decimal_text(order.rt_lmp),
        "reason": order.reason,
    }
