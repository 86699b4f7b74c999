"""Moderating fake orders at their hour, and marking those that were approved.

Orders are claimed inside the transaction that decides them, so that however many runs there are,
each order is decided once; decision, event and message are one transaction, and a rerun after a
crash finds what is left and decides it the same. What belongs here: claiming, waiting, writing.
What does not: the decision (``domain.moderation``), when to look (``defs.moderation``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tradesync_dagster.domain.fake_orders import FakeOrder, FakeOrderStatus, decimal_text
from tradesync_dagster.domain.lmp import Prices
from tradesync_dagster.domain.marks import marked, points_due
from tradesync_dagster.domain.moderation import Decided, ModerationRules, decide, priced_at
from tradesync_dagster.domain.orders import OrderEvent
from tradesync_dagster.domain.ports import Clock, Store
from tradesync_dagster.sync.moderation_messages import fake_orders_moderated

BATCH = 2_000
"""Most orders in one transaction: the first ones are not kept waiting for the last."""
LOOK_SECONDS = 0.2
"""How long an order that was created late waits for a run that is under way."""
_ELSEWHERE_SECONDS = 0.1
"""How long to leave alone what another run has claimed and not yet committed."""


@dataclass(slots=True)
class Moderated:
    """What a run came to.

    Attributes:
        counts: Orders by their new status.
        late: By order, the seconds from its hour to the commit of its decision.
        hours: How many orders were decided, by due time.
    """

    counts: dict[str, int] = field(default_factory=dict)
    late: list[float] = field(default_factory=list)
    hours: dict[datetime, int] = field(default_factory=dict)

    def add(self, orders: Sequence[FakeOrder], committed_at: datetime) -> None:
        """Count a batch."""
        for order in orders:
            self.counts[order.status] = self.counts.get(order.status, 0) + 1
            due = order.hour_start_utc
            self.hours[due] = self.hours.get(due, 0) + 1
            self.late.append((committed_at - due).total_seconds())

    @property
    def total(self) -> int:
        """How many orders were decided."""
        return len(self.late)


@dataclass(frozen=True, slots=True)
class Marked:
    """What marking came to: orders looked at, and their new marks."""

    orders: int
    marks: int


@dataclass(frozen=True, slots=True)
class Moderating:
    """Decides and marks fake orders.

    Attributes:
        notify: Whether decisions are told in the outbox.
    """

    store: Store
    prices: Prices
    clock: Clock
    rules: ModerationRules
    notify: bool = True

    async def serve(self, until: datetime, wanted: Callable[[], bool] = lambda: True) -> Moderated:
        """Decide each order at its due time, until a moment; late-created ones at the next look.

        Args:
            until: UTC; what is due then is still decided.
            wanted: Whether to go on; asked before each look.

        Returns:
            What came of it.
        """
        done = Moderated()
        while wanted():
            now = self.clock.now()
            due = self._next(until)
            if due is not None and due <= now:
                before = done.total
                self._decide_due(done, now)
                if done.total == before:
                    await self.clock.sleep(_ELSEWHERE_SECONDS)
            elif now >= until:
                break
            else:
                wake = min(due or until, until, now + timedelta(seconds=LOOK_SECONDS))
                await self.clock.sleep((wake - now).total_seconds())
        return done

    def decide_due(self, organization_id: str | None = None) -> Moderated:
        """Decide what is due now, of one organization or of all."""
        done = Moderated()
        self._decide_due(done, self.clock.now(), organization_id)
        return done

    def mark(self) -> Marked:
        """Mark the approved orders whose next mark is due, each up to now."""
        now, orders, marks = self.clock.now(), 0, 0
        while True:
            with self.store.begin([]) as work:
                claimed = work.claim_marks(now, BATCH)
                wanted = [points_due(order, now, self.rules.step) for order in claimed]
                prices = self.prices.at({point for points in wanted for point in points})
                new = [
                    marked(order, points, prices, self.rules.step)
                    for order, points in zip(claimed, wanted, strict=True)
                ]
                work.put_fake_orders(order for order, _ in new)
                work.add_marks(mark for _, found in new for mark in found)
            orders += len(claimed)
            marks += sum(len(found) for _, found in new)
            if len(claimed) < BATCH:
                return Marked(orders, marks)

    def _next(self, until: datetime) -> datetime | None:
        with self.store.look() as work:
            return work.next_due(until)

    def _decide_due(
        self, done: Moderated, now: datetime, organization_id: str | None = None
    ) -> None:
        """Decide batch by batch, until no order that is due by ``now`` is left to this run."""
        while True:
            with self.store.begin([]) as work:
                claimed = work.claim_due(now, BATCH, organization_id)
                decided = self._decided(claimed)
                work.put_fake_orders(one.order for one in decided)
                work.add_fake_order_events(self._event(one.order) for one in decided)
                work.add_marks(mark for one in decided for mark in one.marks)
                if self.notify:
                    work.add_messages(fake_orders_moderated([one.order for one in decided]))
            done.add([one.order for one in decided], self.clock.now())
            if len(claimed) < BATCH:
                return

    def _decided(self, claimed: Sequence[FakeOrder]) -> list[Decided]:
        prices = self.prices.at({priced_at(order) for order in claimed})
        at = self.clock.now()
        return [decide(one, prices.get(priced_at(one)), self.rules, at) for one in claimed]

    def _event(self, order: FakeOrder) -> OrderEvent:
        detail: dict[str, str | int | None] = {
            "rt_lmp": decimal_text(order.rt_lmp),
            "lmp_source": None if order.rt_lmp is None else self.prices.source(priced_at(order)),
            "reason": order.reason,
        }
        at = order.decided_at or order.hour_start_utc
        return OrderEvent(order.order_id, FakeOrderStatus(order.status).lower(), at, detail)
