"""Orders of our own before the broker's book shows them: intent, answer, and trying again.

An order of ours is in the ledger from the moment it is meant; its sendings (``Intent``) stand
beside it. What belongs here: what each answer of the broker makes of them. What does not: asking
the broker (``sync.placing``), what a book shows (``resolving``, ``order_progress``), limits
(``order_limits``).
"""

from base64 import b32encode
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from tradesync_dagster.domain.answers import OrderRequest
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.order_states import Cause, permits
from tradesync_dagster.domain.orders import (
    AMO,
    BrokerOrder,
    Detail,
    Intent,
    Order,
    OrderEvent,
    OrderStatus,
    Origin,
    Side,
    placed_id_of,
)

TAG_LENGTH = 20
"""The longest tag that every broker takes: Kite's twenty letters and digits."""


@dataclass(slots=True)
class Placement:
    """An order of ours, the sending of it that counts, and what happened to them now."""

    order: Order
    intent: Intent
    events: list[OrderEvent]

    def move(self, status: OrderStatus, cause: Cause, at: datetime, kind: str, **more: str) -> bool:
        """Move the order, or note that the table of states does not have such a move.

        Args:
            status: Where to.
            cause: On whose word.
            at: UTC.
            kind: The event's.
            more: The event's details.

        Returns:
            Whether it moved.
        """
        before = self.order.status
        detail: Detail = {"from": before.value, "to": status.value, **more}
        allowed = permits(before, status, cause)
        self.note(kind if allowed else "status_refused", at, detail)
        if allowed:
            self.order = replace(self.order, status=status)
        return allowed

    def note(self, kind: str, at: datetime, detail: Detail) -> None:
        """Keep that something happened."""
        self.events.append(OrderEvent(self.order.order_id, kind, at, detail))


def client_order_id_of(prefix: str, account_id: int, key: str, attempt: int = 0) -> str:
    """Name a sending by what it was asked for under, so that asking again names it the same.

    Args:
        prefix: How the tags of our orders begin.
        account_id: Whose order.
        key: The caller's idempotency key, or something that nobody has used.
        attempt: 0 for the first sending, then counting.

    Returns:
        Letters and digits, as long as every broker takes; at least 70 bits of a hash.
    """
    digest = sha256(f"{account_id}|{attempt}|{key}".encode()).digest()
    return (prefix + b32encode(digest).decode().lower())[:TAG_LENGTH]


def intend(
    account_id: int, request: OrderRequest, at: datetime, *, strategy_id: str, who: str, value: int
) -> Placement:
    """Write down an order that shall be placed.

    Args:
        account_id: Whose.
        request: The order; its tag is the client_order_id.
        at: UTC.
        strategy_id: Its owner; empty for none.
        who: Who wants it.
        value: What it counts against the limits, in millionths.
    """
    row = BrokerOrder(
        broker_order_id="",
        trade_date=trade_date_of(at),
        exchange=request.exchange,
        symbol=request.symbol,
        product=request.product,
        side=Side(request.side),
        order_type=request.order_type,
        validity=request.validity,
        variety=request.variety,
        status_word="",
        quantity=request.quantity,
        filled_quantity=0,
        pending_quantity=request.quantity,
        cancelled_quantity=0,
        price=request.price,
        trigger_price=request.trigger_price,
        average_price=0,
        placed_at=at,
        updated_at=at,
        tag=request.tag,
    )
    order = Order(
        order_id=placed_id_of(account_id, request.tag),
        account_id=account_id,
        broker=row,
        origin=Origin.INTERNAL,
        status=OrderStatus.PENDING_EXECUTION,
        first_seen_at=at,
        last_seen_at=at,
        client_order_id=request.tag,
        strategy_id=strategy_id,
    )
    placement = Placement(order, _sending(order, at, who, value), [])
    placement.note("intended", at, {"who": who, "client_order_id": request.tag})
    return placement


def _sending(order: Order, at: datetime, who: str, value: int) -> Intent:
    row = order.broker
    return Intent(
        client_order_id=order.client_order_id,
        account_id=order.account_id,
        exchange=row.exchange,
        symbol=row.symbol,
        product=row.product,
        side=row.side,
        order_type=row.order_type,
        quantity=row.quantity,
        price=row.price,
        state="placing",
        created_at=at,
        strategy_id=order.strategy_id,
        trigger_price=row.trigger_price,
        order_id=order.order_id,
        value=value,
        who=who,
    )


def request_of(order: Order) -> OrderRequest:
    """Say what to send for an order of the ledger."""
    row = order.broker
    return OrderRequest(
        exchange=row.exchange,
        symbol=row.symbol,
        product=row.product,
        side=row.side.value,
        order_type=row.order_type,
        quantity=row.quantity,
        price=row.price,
        trigger_price=row.trigger_price,
        validity=row.validity,
        variety=row.variety,
        tag=order.client_order_id,
    )


def try_again(order: Order, request: OrderRequest, at: datetime, who: str, value: int) -> Placement:
    """Send an order again that failed before it was at the broker, or was rejected there.

    One that the broker never had goes on as itself; one that ended at the broker keeps its end, and
    a new order is placed for it.

    Args:
        order: Failed, waiting to be retried, or rejected.
        request: What to send, under a new client_order_id.
        at: UTC.
        who: Who wants it.
        value: What it counts against the limits, in millionths.
    """
    if order.broker.broker_order_id:
        again = intend(
            order.account_id, request, at, strategy_id=order.strategy_id, who=who, value=value
        )
        again.order = replace(_tried(again.order, order, at), retry_of=order.order_id)
        again.note("retry", at, {"who": who, "retry_of": str(order.order_id)})
        return again
    again = Placement(order, _sending(order, at, who, value), [])
    if order.status is OrderStatus.FAILED:
        again.move(OrderStatus.RETRY_PENDING, Cause.DESK, at, "retry_queued", who=who)
    tag = request.tag
    again.move(OrderStatus.PENDING_EXECUTION, Cause.DESK, at, "retry", who=who, client_order_id=tag)
    day = trade_date_of(at)
    row = replace(order.broker, trade_date=day, placed_at=at, updated_at=at, tag=tag)
    again.order = _tried(replace(again.order, broker=row, client_order_id=tag), order, at)
    again.intent = _sending(again.order, at, who, value)
    return again


def _tried(again: Order, failed: Order, at: datetime) -> Order:
    return replace(
        again,
        retry_count=failed.retry_count + 1,
        last_retry_attempt=at,
        first_failed_at=failed.first_failed_at,
        failure_reason=failed.failure_reason,
    )


def acknowledge(placement: Placement, broker_order_id: str, at: datetime, by: str) -> None:
    """Note the broker's id for an order of ours.

    Args:
        placement: As stored.
        broker_order_id: From the answer to the placement, or from a book.
        at: UTC.
        by: ``answer`` or ``book``.
    """
    placement.intent = replace(
        placement.intent, state="acknowledged", broker_order_id=broker_order_id, reason=""
    )
    detail: Detail = {"broker_order_id": broker_order_id, "by": by}
    placement.note("acknowledged", at, detail)
    if placement.order.broker.broker_order_id:
        return
    row = replace(placement.order.broker, broker_order_id=broker_order_id)
    placement.order = replace(placement.order, broker=row)
    status = OrderStatus.AMO if row.variety == AMO else OrderStatus.PENDING_EXECUTION
    if status is not placement.order.status:
        placement.move(status, Cause.PLACEMENT, at, "status_changed")


def fail(
    placement: Placement, reason: str, at: datetime, *, shortfall: int | None = None, **more: str
) -> None:
    """Note that an order of ours is not at the broker, and why.

    Args:
        placement: As stored.
        reason: The broker's words, or ours.
        at: UTC.
        shortfall: Money that was missing, in millionths.
        more: The event's further details.
    """
    placement.intent = replace(placement.intent, state="refused", reason=reason)
    if placement.order.broker.broker_order_id:
        return
    if placement.move(OrderStatus.FAILED, Cause.PLACEMENT, at, "failed", reason=reason, **more):
        first = placement.order.first_failed_at or at
        placement.order = replace(
            placement.order, failure_reason=reason, first_failed_at=first, shortfall=shortfall
        )


def lose(placement: Placement, reason: str, at: datetime) -> None:
    """Note that nobody knows whether an order of ours is at the broker; a book will tell.

    Args:
        placement: As stored.
        reason: Why there was no answer that could be read.
        at: UTC.
    """
    if placement.intent.state != "acknowledged":
        placement.intent = replace(placement.intent, state="unknown", reason=reason)
    if not placement.order.broker.broker_order_id:
        placement.move(OrderStatus.UNKNOWN, Cause.PLACEMENT, at, "unanswered", reason=reason)
