"""What people and programs are told of orders of ours: which events, and many of them at once.

What belongs here: the events, whose they are, and how a burst reads. What does not: the messages
(``sync.telling``, ``sync.by_hand``), sending them (``publish``).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from tradesync_dagster.domain.manual_changes import CANCELLED, MODIFIED
from tradesync_dagster.domain.orders import Order, OrderEvent, OrderStatus, Origin

RABBITMQ: Final = "rabbitmq"
"""The recipient that is no person."""
PREFIX: Final = "order_"
"""How the types of these messages begin."""


class Happening(StrEnum):
    """What may be told of an order; people choose by these."""

    PLACED = "placed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXECUTED = "executed"
    MODIFIED = "modified"
    RETRY_QUEUE = "retry_queue"


HAPPENING_OF: Final[Mapping[str, Happening]] = MappingProxyType(
    {
        **{f"{PREFIX}{one.value}": one for one in Happening if one is not Happening.MODIFIED},
        f"{PREFIX}{MODIFIED}": Happening.MODIFIED,
        f"{PREFIX}{CANCELLED}": Happening.CANCELLED,
    }
)
"""The types of messages about orders of ours."""
_BY_STATUS: Final[Mapping[object, Happening]] = MappingProxyType(
    {
        OrderStatus.REJECTED: Happening.REJECTED,
        OrderStatus.CANCELLED: Happening.CANCELLED,
        OrderStatus.EXECUTED: Happening.EXECUTED,
    }
)
_BY_KIND = MappingProxyType(
    {
        "acknowledged": Happening.PLACED,
        "failed": Happening.REJECTED,
        **dict.fromkeys(
            ("retry_queued", "retry", "retry_held", "retry_expired", "retry_dropped"),
            Happening.RETRY_QUEUE,
        ),
    }
)
_MOVES = frozenset({"status_changed", "corrected"})


def happenings(
    order: Order, events: Sequence[OrderEvent]
) -> Iterator[tuple[Happening, OrderEvent]]:
    """Pick what is told of an order.

    Args:
        order: As it is now; of one that is not ours nothing is told.
        events: What just happened to it.

    Yields:
        Each happening with its event; not what was done by hand, which has messages of its own.
    """
    if order.origin is not Origin.INTERNAL or not order.client_order_id:
        return
    by_hand = any(event.kind == CANCELLED for event in events)
    for event in events:
        found = _BY_KIND.get(event.kind)
        after = event.detail.get("to")
        if event.kind in _MOVES and after != event.detail.get("from"):
            found = _BY_STATUS.get(after)
        if found is not None and not (found is Happening.CANCELLED and by_hand):
            yield found, event


def type_of(routing_key: str) -> str:
    """Return the type of a message by its routing key."""
    return routing_key.rpartition(".")[2]


_URGENT = (Happening.REJECTED, Happening.CANCELLED, Happening.MODIFIED)


def digest(bodies: Sequence[Mapping[str, Any]], most: int) -> str:
    """Write many messages about orders as one text that counts every one of them.

    Args:
        bodies: The messages' documents.
        most: How many characters it may have.

    Returns:
        Counts by account, then as many of the sentences as fit, rejections and what was done by
        hand first.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for body in bodies:
        happening = HAPPENING_OF[str(body["type"])]
        counts[f"{body['organization_id']}/{body['account']}", happening.value] += 1
    told: dict[str, list[str]] = {}
    for (account, word), count in sorted(counts.items()):
        told.setdefault(account, []).append(f"{count} {word.replace('_', ' ')}")
    lines = [f"{len(bodies)} order events"]
    lines += [f"{account}: {', '.join(words)}" for account, words in told.items()]
    first = sorted(bodies, key=lambda body: HAPPENING_OF[str(body["type"])] not in _URGENT)
    left = len(bodies)
    for body in first:
        sentence = str(body["message"])
        if sum(map(len, lines)) + len(lines) + len(sentence) + 60 > most:
            break
        lines.append(sentence)
        left -= 1
    if left:
        lines.append(f"and {left} more; see tradesync orders list")
    return "\n".join(lines)[:most]
