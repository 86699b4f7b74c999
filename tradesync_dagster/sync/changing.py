"""Changing and cancelling orders that are at their broker.

What belongs here: the requests, their answers, and the events that tell of both. What does not:
whether the broker really did it, which only its book tells (``verifying``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from tradesync_dagster.domain import placements
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import OrderRequest
from tradesync_dagster.domain.errors import BrokerError, PlacementRefusedError
from tradesync_dagster.domain.money import parse_price, parse_quantity
from tradesync_dagster.domain.orders import Detail, Intent, Order, OrderEvent
from tradesync_dagster.domain.placements import Placement
from tradesync_dagster.sync.placing import (
    Placing,
    answered,
    find,
    keep,
    may_be_done,
    placement_of,
)

_WORDS = frozenset({"order_type", "validity"})
CHANGEABLE = frozenset({"price", "trigger_price", "quantity", *_WORDS})


@dataclass(frozen=True, slots=True)
class Changing:
    """Changes orders; works with the clients, clock, books and rules of ``Placing``."""

    placing: Placing

    async def modify(
        self, account: Account, order_id: UUID, changes: Mapping[str, str], who: str
    ) -> Order:
        """Ask the broker to change an order of ours.

        Args:
            account: Whose.
            order_id: An order of ours that is at its broker.
            changes: Some of ``CHANGEABLE``, as text.
            who: Who wants it.

        Returns:
            The order; its book will show whether it was changed.

        Raises:
            OrderNotFoundError: The account has no such order of ours.
            ValueRefusedError: A change is no number.
            PlacementRefusedError: The order cannot be changed, or limits or switches say no.
        """
        store, clock = self.placing.store, self.placing.clock
        client = self.placing.brokers.client(account)
        now = clock.now()
        with store.begin([account.account_id]) as work:
            placement = placement_of(work, account, order_id)
            check_open(account, placement.order)
            before = placement.intent
            wanted = changed(placements.request_of(placement.order), changes)
            value = self.placing.check(work, account, wanted, order_id)
            placement.intent = replace(before, value=max(before.value, value))
            placement.note("modify_requested", now, {"who": who, **changes})
            keep(work, placement)
        row = placement.order.broker
        call = client.modify(row.broker_order_id, changes, row.variety)
        answer = await answered(call, account, "modify", self.placing.rules.deadline)
        with store.begin([account.account_id]) as work:
            placement = placement_of(work, account, order_id)
            _note_answer(placement, "modify", answer, clock.now())
            refused = isinstance(answer, BrokerError) and not may_be_done(answer)
            placement.intent = before if refused else _asked(placement.intent, wanted)
            keep(work, placement)
        return placement.order

    async def cancel(self, account: Account, order_id: UUID, who: str, why: str) -> Order:
        """Ask the broker to cancel an order, ours or not; no limit, switch or halt keeps one in.

        Returns:
            The order; its book will show whether it was cancelled.

        Raises:
            OrderNotFoundError: The account has no such order.
            PlacementRefusedError: It is not at the broker, or has ended.
        """
        store, clock = self.placing.store, self.placing.clock
        client = self.placing.brokers.client(account)
        now = clock.now()
        with store.begin([account.account_id]) as work:
            order = find(work, account, order_id)
            check_open(account, order)
            before = order.cancel_asked
            order = replace(order, cancel_asked=f"{who}: {why}")
            note = OrderEvent(order.order_id, "cancel_requested", now, {"who": who, "why": why})
            work.put_orders([order], [note])
        call = client.cancel(order.broker.broker_order_id, order.broker.variety)
        answer = await answered(call, account, "cancel", self.placing.rules.deadline)
        with store.begin([account.account_id]) as work:
            order = find(work, account, order_id)
            kind, detail = _answer("cancel", answer)
            if kind == "cancel_refused" and not order.status.is_terminal:
                # An earlier request that nobody answered may be why this one was refused.
                order = replace(order, cancel_asked=before)
            work.put_orders([order], [OrderEvent(order.order_id, kind, clock.now(), detail)])
        return order


def check_open(account: Account, order: Order) -> None:
    """Refuse an order that is not, or no longer, at its broker.

    Raises:
        PlacementRefusedError: It says where the order stands.
    """
    if order.status.is_terminal or not order.broker.broker_order_id:
        what = "has ended" if order.status.is_terminal else "is not known to be at the broker"
        raise PlacementRefusedError(
            f"{account.key}: order {order.order_id} {what} ({order.status.value}), so there is "
            "nothing to change"
        )


def changed(request: OrderRequest, changes: Mapping[str, str]) -> OrderRequest:
    """Apply changes to an order.

    Raises:
        PlacementRefusedError: There are none, or something cannot be changed.
        ValueRefusedError: A change is no number.
    """
    odd = set(changes) - CHANGEABLE
    if odd or not changes:
        names = ", ".join(sorted(CHANGEABLE))
        raise PlacementRefusedError(f"an order's {names} can be changed; name at least one")
    numbers = {name: parse_price(v, name) for name, v in changes.items() if "price" in name}
    if "quantity" in changes:
        numbers["quantity"] = parse_quantity(changes["quantity"])
    words = {name: changes[name] for name in _WORDS if name in changes}
    return replace(
        request,
        price=numbers.get("price", request.price),
        trigger_price=numbers.get("trigger_price", request.trigger_price),
        quantity=numbers.get("quantity", request.quantity),
        order_type=words.get("order_type", request.order_type),
        validity=words.get("validity", request.validity),
    )


def _asked(intent: Intent, wanted: OrderRequest) -> Intent:
    return replace(
        intent,
        price=wanted.price,
        trigger_price=wanted.trigger_price,
        quantity=wanted.quantity,
        order_type=wanted.order_type,
    )


def _answer(name: str, answer: str | BrokerError) -> tuple[str, Detail]:
    if isinstance(answer, str):
        return f"{name}_acknowledged", {"broker_order_id": answer}
    kind = f"{name}_unanswered" if may_be_done(answer) else f"{name}_refused"
    return kind, {"reason": str(answer)}


def _note_answer(placement: Placement, name: str, answer: str | BrokerError, at: datetime) -> None:
    kind, detail = _answer(name, answer)
    placement.note(kind, at, detail)
