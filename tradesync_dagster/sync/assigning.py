"""Giving orders to strategies by hand, whole or in parts, and taking back what was done last.

What belongs here: changing an order's owners, with who and why, and making the books of all
concerned anew. What does not: guessing an owner (``attributing``), whether a strategy has what is
sold (``covering``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID, uuid5

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.attribution_rows import ASSIGNED, UNDONE, AttributionRows
from tradesync_dagster.domain.errors import (
    AssignmentRefusedError,
    OrderNotFoundError,
    StrategyNotFoundError,
)
from tradesync_dagster.domain.order_parts import Part, check_parts, parts_from, parts_text
from tradesync_dagster.domain.orders import Order, OrderEvent
from tradesync_dagster.domain.ports import Store
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.covering import check_covered
from tradesync_dagster.sync.history import catch_up

_NAMESPACE = UUID("b7a3c1de-64a8-5f0e-9a51-2c9f7d0e8b36")
"""Names assignments. Changing it would name every assignment anew: never do."""
_Events = Mapping[UUID, Sequence[OrderEvent]]
_Detail = dict[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who gives which orders to which strategies.

    Attributes:
        strategy_id: Owns what no part takes, which is all without parts; empty for nobody.
        who: The person, as the audit trail shows them.
        why: In their words.
        parts: Of each of the orders, the first units first.
        allow_short: Whether a strategy may be given a sell of more than it has.
    """

    order_ids: Sequence[UUID]
    strategy_id: str
    who: str
    why: str
    parts: tuple[Part, ...] = ()
    allow_short: bool = False


@dataclass(frozen=True, slots=True)
class Undo:
    """Who takes back the last assignment of which orders.

    Attributes:
        assignment_id: The assignment that is meant; the last one, whichever it is, if not given.
            With it, asking again changes nothing.
        allow_short: As for ``Assignment``.
    """

    order_ids: Sequence[UUID]
    who: str
    why: str
    assignment_id: UUID | None = None
    allow_short: bool = False


@dataclass(frozen=True, slots=True)
class Assigned:
    """What was changed.

    Attributes:
        order_ids: Those orders that had other owners before.
        assignment_id: What names the change, so that it can be undone; ``None`` where nothing
            changed.
    """

    order_ids: tuple[UUID, ...]
    assignment_id: UUID | None


def assign(store: Store, account: Account, wanted: Assignment, now: datetime) -> Assigned:
    """Change the owners of orders, each with an event, and make the books of all concerned anew.

    Args:
        store: The books.
        account: Whose orders.
        wanted: The change.
        now: UTC.

    Returns:
        Which orders changed; those that were so already are left alone.

    Raises:
        OrderNotFoundError: The account has no such order.
        StrategyNotFoundError: Nobody has added such a strategy.
        ValueRefusedError: The parts cannot be kept.
        AssignmentRefusedError: The parts are more than an order, or name a strategy twice, or a
            strategy lacks what is sold. Nothing is changed whatever the error.
    """
    check_parts(wanted.parts, wanted.strategy_id)
    with store.begin([account.account_id]) as work:
        names = (wanted.strategy_id, *(part.strategy_id for part in wanted.parts))
        check_strategies(work, account.organization_id, names)
        chosen = _chosen(work, account.account_id, wanted.order_ids)
        for order in chosen:
            _check_enough(order, wanted.parts)
        moved = [
            replace(order, strategy_id=wanted.strategy_id, parts=wanted.parts, confidence=None)
            for order in chosen
            if (order.strategy_id, order.parts) != (wanted.strategy_id, wanted.parts)
        ]
        said: _Detail = {"who": wanted.who, "why": wanted.why}
        return _change(work, ASSIGNED, moved, said, now, allow_short=wanted.allow_short)


def undo(store: Store, account: Account, wanted: Undo, now: datetime) -> Assigned:
    """Give orders back to whom they belonged before their last assignment; an assignment as well.

    Args:
        store: The books.
        account: Whose orders.
        wanted: Which.
        now: UTC.

    Returns:
        Which orders changed. To undo an undoing is to do the assignment again.

    Raises:
        OrderNotFoundError: The account has no such order.
        AssignmentRefusedError: There is nothing to undo, something else has changed the owners
            since, or a strategy lacks what is sold. Nothing is changed.
    """
    with store.begin([account.account_id]) as work:
        chosen = _chosen(work, account.account_id, wanted.order_ids)
        events = work.owner_events([order.order_id for order in chosen])
        moved = []
        for order in chosen:
            last = _last(order, events)
            if _is_undone(last, wanted.assignment_id):
                continue
            _check_last(order, last, wanted.assignment_id)
            moved.append(_before(order, last))
        said: _Detail = {"who": wanted.who, "why": wanted.why}
        if wanted.assignment_id is not None:
            said["undoes"] = str(wanted.assignment_id)
        return _change(work, UNDONE, moved, said, now, allow_short=wanted.allow_short)


def check_strategies(rows: AttributionRows, organization_id: str, names: Iterable[str]) -> None:
    """Refuse strategies that nobody has added.

    Args:
        rows: A transaction.
        organization_id: Whose strategies they are to be.
        names: Their ids; an empty one stands for nobody.

    Raises:
        StrategyNotFoundError: There is no such one.
    """
    known = {one.strategy_id for one in rows.strategies([organization_id])} | {""}
    for name in names:
        if name not in known:
            raise StrategyNotFoundError(
                f"{organization_id} has no strategy {name!r}; add it with: "
                f"tradesync strategies add {organization_id} {name}"
            )


def _chosen(work: UnitOfWork, account_id: int, order_ids: Sequence[UUID]) -> list[Order]:
    known = {order.order_id: order for order in work.orders([account_id], date.min)}
    for order_id in order_ids:
        if order_id not in known:
            raise OrderNotFoundError(
                f"the account has no order {order_id}; see its orders with: tradesync orders"
            )
    return [known[order_id] for order_id in dict.fromkeys(order_ids)]


def _check_enough(order: Order, parts: Sequence[Part]) -> None:
    given = sum(part.quantity for part in parts)
    if given > order.broker.quantity:
        raise AssignmentRefusedError(
            f"the parts {parts_text(parts)} are {given} together, and the order {order.order_id} "
            f"is of {order.broker.quantity}: give away no more than that"
        )


def _last(order: Order, events: _Events) -> OrderEvent:
    """Find the assignment that made an order's owners what they are."""
    found = events.get(order.order_id, ())
    if not found or found[-1].kind not in {ASSIGNED, UNDONE}:
        raise AssignmentRefusedError(
            f"nobody has assigned the order {order.order_id}"
            + (" since it was attributed" if found else "")
            + "; take it back with: tradesync assign ... --strategy ''"
        )
    last = found[-1]
    left = (last.detail["to"], last.detail.get("to_parts") or "")
    if left != (order.strategy_id, parts_text(order.parts)):
        raise AssignmentRefusedError(
            f"the order {order.order_id} has changed its owner since {last.detail['who']} assigned "
            f"it at {last.at.isoformat()}: assign it anew"
        )
    return last


def _is_undone(last: OrderEvent, assignment_id: UUID | None) -> bool:
    """Tell whether the last thing that happened was to undo just that assignment."""
    return assignment_id is not None and last.detail.get("undoes") == str(assignment_id)


def _check_last(order: Order, last: OrderEvent, assignment_id: UUID | None) -> None:
    if assignment_id is not None and last.detail.get("assignment") != str(assignment_id):
        raise AssignmentRefusedError(
            f"the last assignment of the order {order.order_id} is "
            f"{last.detail.get('assignment')} by {last.detail['who']} at {last.at.isoformat()}, "
            f"not {assignment_id}: undo that one first"
        )


def _before(order: Order, last: OrderEvent) -> Order:
    was = last.detail
    confidence = was.get("from_confidence")
    return replace(
        order,
        strategy_id=str(was["from"]),
        parts=parts_from(str(was.get("from_parts") or "")),
        confidence=None if confidence is None else int(confidence),
    )


def _change(
    work: UnitOfWork,
    kind: str,
    moved: Sequence[Order],
    said: _Detail,
    now: datetime,
    *,
    allow_short: bool,
) -> Assigned:
    if not moved:
        return Assigned((), None)
    (account_id,) = {order.account_id for order in moved}
    ids = [order.order_id for order in moved]
    since = min(order.broker.trade_date for order in moved)
    old = {order.order_id: order for order in work.orders([account_id], since)}
    past = [event.at for events in work.owner_events(ids).values() for event in events]
    # Later than all that it changes, even where a clock was set back: the last event counts.
    at = max([now, *(one + timedelta(microseconds=1) for one in past)])
    assignment_id = uuid5(_NAMESPACE, f"{ids[0]}|{at.isoformat()}")
    detail = said | {"assignment": str(assignment_id)}
    detail |= {"short": "allowed"} if allow_short else {}
    work.put_orders(
        moved,
        [
            OrderEvent(one.order_id, kind, at, _owners(old[one.order_id], one) | detail)
            for one in moved
        ],
    )
    work.mark_stale({account_id: since})
    catch_up(work, [account_id], now)
    if not allow_short:
        check_covered(work, account_id, moved, [old[one] for one in ids])
    return Assigned(tuple(ids), assignment_id)


def _owners(old: Order, new: Order) -> _Detail:
    return {
        "from": old.strategy_id,
        "from_parts": parts_text(old.parts),
        "from_confidence": old.confidence,
        "to": new.strategy_id,
        "to_parts": parts_text(new.parts),
    }
