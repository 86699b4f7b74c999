"""The retry queue: orders that failed, tried again by a person, or dropped.

One lease decides: whoever presses first takes the order, and what the queue holds is looked at
again in the transaction that takes it. Killed at any step, the next look at the queue goes on, for
an entry follows from its order. What belongs here: what is in the queue, and taking out of
it. What does not: retries without a person (``tending``), which failures may pass
(``domain.retries``), sending, limits and halts (``placing``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import PlacementRefusedError
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.order_states import Cause
from tradesync_dagster.domain.orders import Order, OrderStatus
from tradesync_dagster.domain.retries import (
    QueueEntry,
    QueueState,
    RetryRules,
    enter,
    is_again,
    kind_in_books,
)
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.placing import RETRIED, Placing, find, placement_of

FAILED_WITHIN: Final = timedelta(days=7)
"""How far back failures are looked for that nobody has looked at yet."""
Queued = tuple[Order, QueueEntry]


def queued(
    work: UnitOfWork, account_ids: Sequence[int], now: datetime, rules: RetryRules
) -> list[Queued]:
    """Read the queue, the oldest failure first; what is not stored yet as it will be.

    Args:
        work: A transaction.
        account_ids: Whose.
        now: UTC.
        rules: When orders are tried again.
    """
    found = work.failed_orders(account_ids, trade_date_of(now - FAILED_WITHIN))
    return _entered(work, found, rules)


def _entered(
    work: UnitOfWork, found: Sequence[tuple[Order, QueueEntry | None]], rules: RetryRules
) -> list[Queued]:
    fresh = [order for order, entry in found if entry is None or is_again(order, entry)]
    told: dict[UUID, str] = {}
    for event in work.events_of([order.order_id for order in fresh]) if fresh else ():
        if event.kind == "failed":
            told[event.order_id] = str(event.detail.get("failure", ""))
    new = {
        order.order_id: enter(order, kind_in_books(order, told.get(order.order_id, "")), rules)
        for order in fresh
    }
    known = {order.order_id: entry for order, entry in found if entry is not None} | new
    return [(order, known[order.order_id]) for order, _ in found]


@dataclass(frozen=True, slots=True)
class Retrying:
    """The queue, over the books, brokers and clock of ``placing``."""

    placing: Placing
    rules: RetryRules

    async def retry(
        self, account: Account, order_id: UUID, who: str, tried: int | None = None
    ) -> Order:
        """Try an order again now.

        Args:
            account: Whose.
            order_id: Failed, waiting for it, or rejected.
            who: Who wants it.
            tried: How often it was tried again when they decided; ``None`` for however often.

        Returns:
            The order; a new one where the first ended at the broker.

        Raises:
            OrderNotFoundError: The account has no such order.
            PlacementRefusedError: It expired, was dropped, was tried again meanwhile, or our limits
                or switches say no.
        """

        def take(work: UnitOfWork, order: Order) -> None:
            entry = self._open(work, account, order, tried)
            now = self.placing.clock.now()
            taken = replace(entry, state=QueueState.SENT, who=who, why="", changed_at=now)
            work.put_queue_entries([taken])

        return await self.placing.retry(account, order_id, who, take)

    def drop(self, account: Account, order_id: UUID, who: str, why: str) -> Order:
        """Give an order up, so that nobody tries it again.

        Args:
            account: Whose.
            order_id: Failed, waiting to be tried again, or rejected.
            who: Who does it.
            why: For what reason; may be empty.

        Returns:
            The order: cancelled, or still rejected where that was the broker's word.

        Raises:
            OrderNotFoundError: The account has no such order.
            PlacementRefusedError: It is not in the queue.
        """
        now = self.placing.clock.now()
        with self.placing.store.begin([account.account_id]) as work:
            order = find(work, account, order_id)
            if order.status not in RETRIED or not order.client_order_id:
                raise _absent(account, order)
            entry = self._open(work, account, order, None, expired=True)
            moved = placement_of(work, account, order_id)
            detail = {"who": who} | ({"why": why} if why else {})
            if order.status is OrderStatus.REJECTED:
                moved.note("retry_dropped", now, {**detail})
            else:
                moved.move(OrderStatus.CANCELLED, Cause.DESK, now, "retry_dropped", **detail)
                asked = f"{who}: {why}" if why else who
                moved.order = replace(moved.order, cancel_asked=asked)
            self.placing.keep(work, account, moved)
            gone = replace(entry, state=QueueState.DROPPED, due_at=None, who=who, why=why)
            work.put_queue_entries([replace(gone, changed_at=now)])
        return moved.order

    def _open(
        self,
        work: UnitOfWork,
        account: Account,
        order: Order,
        tried: int | None,
        *,
        expired: bool = False,
    ) -> QueueEntry:
        """Read the entry of an order that may be taken, or refuse."""
        name = f"{account.key}: order {order.order_id}"
        stored = next(iter(work.queue_entries([order])), None)
        ((_, entry),) = _entered(work, [(order, stored)], self.rules)
        if entry.state is QueueState.DROPPED:
            raise PlacementRefusedError(f"{name} was dropped by {entry.who}; place a new one")
        if entry.state is QueueState.SENT:
            raise PlacementRefusedError(f"{name} was tried again already by {entry.who}")
        if not expired and self.placing.clock.now() >= entry.expires_at:
            at = f"{entry.expires_at:%Y-%m-%d %H:%M:%S} UTC"
            raise PlacementRefusedError(f"{name} expired at {at}; place a new one")
        if tried is not None and tried != order.retry_count:
            raise PlacementRefusedError(
                f"{name} was tried again meanwhile, {order.retry_count} times by now; look again"
            )
        return entry


def _absent(account: Account, order: Order) -> PlacementRefusedError:
    return PlacementRefusedError(
        f"{account.key}: order {order.order_id} is {order.status.value}, so it is not in the retry "
        "queue; only orders of ours that failed or were rejected are"
    )
