"""The life of an order: which status may follow which, and on whose word.

The table ``RULES`` is the only place that says so: the books move an order by it, the drawing in
``docs/orders.md`` is made from it. What belongs here: the table and what is read off it. What does
not: the statuses and brokers' words for them (``orders``), moving an order (``order_progress``,
``placements``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from tradesync_dagster.domain.orders import OrderStatus


class Cause(StrEnum):
    """On whose word an order moves."""

    BROKER = "broker"
    """A complete order book of the broker."""
    PLACEMENT = "placement"
    """What came of our own call to the broker, or that nothing of it was ever found."""
    DESK = "desk"
    """A person, or the retry queue, about an order that is not at the broker."""
    DAY_END = "day_end"
    """The end of the order's day, without a word of the broker."""
    CORRECTION = "correction"
    """An explicit correction, kept as an event: the only way out of an end."""


@dataclass(frozen=True, slots=True)
class Rule:
    """From any of some statuses to any of others, on one word.

    Attributes:
        why: The real case it stands for.
    """

    cause: Cause
    before: tuple[OrderStatus, ...]
    after: tuple[OrderStatus, ...]
    why: str


_PENDING, _AMO = OrderStatus.PENDING_EXECUTION, OrderStatus.AMO
_OPEN, _TRIGGER = OrderStatus.OPEN, OrderStatus.TRIGGER_PENDING
_EXECUTED, _CANCELLED = OrderStatus.EXECUTED, OrderStatus.CANCELLED
_REJECTED, _EXPIRED = OrderStatus.REJECTED, OrderStatus.EXPIRED
_FAILED, _RETRY, _UNKNOWN = OrderStatus.FAILED, OrderStatus.RETRY_PENDING, OrderStatus.UNKNOWN
_ENDS = (_EXECUTED, _CANCELLED, _REJECTED)
_WORKING = (_PENDING, _AMO, _OPEN, _TRIGGER)

AT_BROKER = frozenset({*_WORKING, _UNKNOWN})
"""Statuses of orders that a broker may be working: what is watched."""
FAILURES = frozenset({_FAILED, _RETRY})
"""Statuses of orders that have not ended and are not at a broker."""

RULES = (
    Rule(
        Cause.BROKER,
        (_PENDING,),
        (_AMO, _OPEN, _TRIGGER, *_ENDS, _UNKNOWN),
        "the broker takes it up, or ends it at once",
    ),
    Rule(
        Cause.BROKER,
        (_AMO,),
        (_PENDING, _OPEN, _TRIGGER, *_ENDS, _UNKNOWN),
        "the market opens, or the order is withdrawn before",
    ),
    Rule(
        Cause.BROKER,
        (_OPEN,),
        (_PENDING, _TRIGGER, *_ENDS, _UNKNOWN),
        "it fills, also after a request to cancel; it is cancelled, also after a part was filled; "
        "a change of it waits to be checked",
    ),
    Rule(
        Cause.BROKER,
        (_TRIGGER,),
        (_PENDING, _OPEN, *_ENDS, _UNKNOWN),
        "the trigger is hit, or the order ends before",
    ),
    Rule(
        Cause.BROKER,
        (_UNKNOWN,),
        (*_WORKING, *_ENDS),
        "a book shows what became of it",
    ),
    Rule(
        Cause.BROKER,
        (_FAILED, _RETRY),
        (*_WORKING, *_ENDS, _UNKNOWN),
        "a book shows it although it was given up for lost",
    ),
    Rule(
        Cause.PLACEMENT,
        (_PENDING,),
        (_AMO, _FAILED, _UNKNOWN),
        "the broker takes it for the next session, refuses it, or its answer is lost",
    ),
    Rule(
        Cause.PLACEMENT,
        (_UNKNOWN,),
        (_PENDING, _AMO, _FAILED),
        "the answer comes after all, or nothing of the order is found",
    ),
    Rule(
        Cause.DESK,
        (_FAILED,),
        (_RETRY, _CANCELLED),
        "it shall be tried again, or is given up",
    ),
    Rule(
        Cause.DESK,
        (_RETRY,),
        (_PENDING, _FAILED, _CANCELLED),
        "it is tried again, it may no longer be, or it is given up",
    ),
    Rule(
        Cause.DAY_END,
        (*_WORKING, _UNKNOWN),
        (_EXPIRED,),
        "its day is over; inferred, so with a break",
    ),
    Rule(
        Cause.CORRECTION,
        (*_ENDS, _EXPIRED),
        (*_WORKING, *_ENDS, _UNKNOWN),
        "the broker takes its own word back, or shows an order that we had given up",
    ),
)
"""Every transition there is."""

_ALLOWED = frozenset(
    (rule.cause, before, after)
    for rule in RULES
    for before in rule.before
    for after in rule.after
    if before is not after
)


def permits(before: OrderStatus, after: OrderStatus, cause: Cause) -> bool:
    """Tell whether an order may move so.

    Args:
        before: Its status.
        after: The next one.
        cause: On whose word.

    Returns:
        Whether the table has it. Staying as it is needs no rule.
    """
    return before is after or (cause, before, after) in _ALLOWED


_ORDER = MappingProxyType({status: place for place, status in enumerate(OrderStatus)})


def drawing() -> str:
    """Draw the table as a Mermaid state diagram, with a table of the reasons below it.

    Corrections, which lead from every end back, are in the table only.

    Returns:
        Markdown, ending in a newline.
    """
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> pending_execution : placement"]
    for old, new, causes in _edges():
        lines.append(f"    {old} --> {new} : {', '.join(causes)}")
    ends = (status.value for status in OrderStatus if status.is_terminal)
    lines += [f"    {end} --> [*]" for end in ends]
    lines += ["```", "", "| on the word of | from | to | because |", "|---|---|---|---|"]
    for rule in RULES:
        before, after = ", ".join(rule.before), ", ".join(rule.after)
        lines.append(f"| {rule.cause} | {before} | {after} | {rule.why} |")
    return "\n".join(lines) + "\n"


def _edges() -> Iterator[tuple[OrderStatus, OrderStatus, list[Cause]]]:
    found: dict[tuple[OrderStatus, OrderStatus], list[Cause]] = {}
    for cause in Cause:
        for _, before, after in sorted(
            (one for one in _ALLOWED if one[0] is cause),
            key=lambda one: (_ORDER[one[1]], _ORDER[one[2]]),
        ):
            found.setdefault((before, after), []).append(cause)
    for (before, after), causes in sorted(
        found.items(), key=lambda one: (_ORDER[one[0][0]], _ORDER[one[0][1]])
    ):
        if Cause.CORRECTION not in causes:
            yield before, after, causes
