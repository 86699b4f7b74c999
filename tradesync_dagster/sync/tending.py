"""Trying failed orders again without a person: one look at the queue.

What belongs here: what a look writes, and the order in which it sends. What does not: taking an
order (``retrying``), when one is due (``domain.retries``), when to look (``defs.retries``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Outcome
from tradesync_dagster.domain.errors import (
    ConfigurationError,
    PlacementRefusedError,
    StoreError,
    TradesyncError,
)
from tradesync_dagster.domain.money import format_price
from tradesync_dagster.domain.order_states import Cause
from tradesync_dagster.domain.orders import Order, OrderStatus
from tradesync_dagster.domain.placements import Placement
from tradesync_dagster.domain.retries import (
    FailureKind,
    QueueEntry,
    QueueState,
    hold,
    is_due,
    needed_margin,
)
from tradesync_dagster.sync.placing import Placing, placement_of
from tradesync_dagster.sync.retrying import Queued, Retrying, queued

BY_ITSELF = "retry queue"
"""Who tries an order again where no person does."""
_COMMODITIES = frozenset({"MCX", "NCDEX"})


@dataclass(frozen=True, slots=True)
class Tended:
    """What came of one look at the queue.

    Attributes:
        waiting: How many orders wait for a retry by itself.
        sent: Orders that were sent again, as they are now.
        expired: Those whose time was over.
        held: Sentences on those that could not be sent yet.
    """

    waiting: int = 0
    sent: tuple[Order, ...] = ()
    expired: tuple[UUID, ...] = ()
    held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tending:
    """Looks at the queue."""

    retrying: Retrying

    async def tend(self, accounts: Sequence[Account]) -> Tended:
        """Look at the queue once: let in what failed, expire, and try again what is due.

        Args:
            accounts: Whose orders; each order goes by itself, the oldest failure first.

        Returns:
            What came of it. What could not be sent waits for the next time.
        """
        waiting, expired = 0, []
        sent: list[Order] = []
        held: list[str] = []
        for account in accounts:
            try:
                queue, gone = self._settle(account)
                expired += gone
                waiting += sum(entry.due_at is not None for _, entry in queue)
                held += await self._send_due(account, queue, sent)
            except StoreError as error:  # what the books refuse of one account holds up no other
                held.append(f"{account.key}: {error}")
        return Tended(waiting, tuple(sent), tuple(expired), tuple(held))

    def _settle(self, account: Account) -> tuple[list[Queued], list[UUID]]:
        """Write into the queue what failed, and out of it what expired."""
        now, ids = self._placing.clock.now(), [account.account_id]
        left, gone = [], []
        with self._placing.store.begin(ids) as work:
            for order, entry in queued(work, ids, now, self.retrying.rules):
                if entry.state is QueueState.SENT:
                    continue  # a rejected one whose other order is on its way
                moved = placement_of(work, account, order.order_id)
                if now >= entry.expires_at:
                    _expire(moved, now)
                    gone.append(order.order_id)
                    entry = replace(  # noqa: PLW2901 - what is kept of it
                        entry, state=QueueState.EXPIRED, due_at=None, changed_at=now
                    )
                else:
                    if entry.due_at and order.status is OrderStatus.FAILED:
                        due = entry.due_at.isoformat()
                        status = OrderStatus.RETRY_PENDING
                        moved.move(status, Cause.DESK, now, "retry_queued", who=BY_ITSELF, due=due)
                    left.append((moved.order, entry))
                if moved.events:
                    self._placing.keep(work, account, moved)
                work.put_queue_entries([entry])
        return left, gone

    async def _send_due(
        self, account: Account, queue: Sequence[Queued], sent: list[Order]
    ) -> list[str]:
        """Try again what is due; say of each order that was not sent why."""
        now = self._placing.clock.now()
        due = [one for one in queue if is_due(*one, now, self.retrying.rules)]
        money = await self._money(account, due)
        held = []
        for order, entry in due:
            why = _lacking(order, money) if entry.kind is FailureKind.MARGIN else ""
            why = why or await self._send(account, order, sent)
            if why:
                self._hold(account, order, entry, why)
                held.append(f"{account.key}: order {order.order_id}: {why}")
        return held

    async def _money(self, account: Account, due: Sequence[Queued]) -> dict[str, int]:
        """Ask what an account may still use, by segment, where an order waits for money."""
        if all(entry.kind is not FailureKind.MARGIN for _, entry in due):
            return {}
        try:
            found = await self._placing.brokers.client(account).margins()
        except TradesyncError:
            return {}  # as where it is not readable: trying the order again says why
        if found.outcome is not Outcome.COMPLETE:
            return {}
        return {one.segment: one.available for one in found.rows}

    async def _send(self, account: Account, order: Order, sent: list[Order]) -> str:
        """Try an order again; say why not, where that is so."""
        again = self.retrying.retry(account, order.order_id, BY_ITSELF, order.retry_count)
        try:
            sent.append(await again)
        except (PlacementRefusedError, ConfigurationError) as error:
            return str(error)
        return ""

    def _hold(self, account: Account, order: Order, entry: QueueEntry, why: str) -> None:
        now = self._placing.clock.now()
        with self._placing.store.begin([account.account_id]) as work:
            moved = placement_of(work, account, order.order_id)
            stored = next(iter(work.queue_entries([order])), None)
            if moved.order != order or stored != entry:
                return  # somebody else was faster
            if why != entry.why:
                moved.note("retry_held", now, {"why": why})
                self._placing.keep(work, account, moved)
            work.put_queue_entries([hold(entry, order, why, now, self.retrying.rules)])

    @property
    def _placing(self) -> Placing:
        return self.retrying.placing


def _lacking(order: Order, money: dict[str, int]) -> str:
    """Take an order's money out of what there is, or say what is missing.

    What an older order waits for is not given to a younger one: the first that lacks money leaves
    nothing of its segment.
    """
    segment = "commodity" if order.broker.exchange in _COMMODITIES else "equity"
    needed = needed_margin(order)
    if needed is None or segment not in money:
        return ""  # not readable: the broker decides, and the pauses keep it from being asked often
    available, money[segment] = money[segment], max(money[segment] - needed, 0)
    if available >= needed:
        return ""
    money[segment] = min(available, 0)
    return f"it needs {format_price(needed)}, and {format_price(available)} are available"


def _expire(moved: Placement, now: datetime) -> None:
    if moved.order.status is OrderStatus.RETRY_PENDING:
        moved.move(OrderStatus.FAILED, Cause.DESK, now, "retry_expired")
    else:
        moved.note("retry_expired", now, {})
