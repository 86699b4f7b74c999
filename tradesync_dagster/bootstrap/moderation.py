"""What the faces may ask about fake orders: adding, listing, moderating, marking.

What belongs here: settings, clock and prices put to the rules (``domain.moderation``) and the rows
(``store``). What does not: when runs are launched (``defs.moderation``).
"""

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from tradesync_dagster.bootstrap.accounts import check_organization
from tradesync_dagster.brokers.grid_prices import GridPrices, ask
from tradesync_dagster.domain.errors import (
    OrderNotFoundError,
    ValueRefusedError,
)
from tradesync_dagster.domain.fake_orders import (
    FakeOrderStatus,
    Wanted,
    decimal_text,
    fake_order,
    milliseconds,
    order_document,
    order_id_of,
    position_document,
)
from tradesync_dagster.domain.lmp import SimulatedPrices
from tradesync_dagster.domain.marks import HOUR
from tradesync_dagster.domain.moderation import (
    CERTAIN,
    LOOK_AHEAD,
    REASONS,
    SERVED,
    ModerationRules,
)
from tradesync_dagster.domain.money import parse_price
from tradesync_dagster.domain.ports import Clock
from tradesync_dagster.settings import Settings, foreign_environment
from tradesync_dagster.store.fake_order_queries import FakeOrderQueries
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.moderating import Marked, Moderated, Moderating

MOST_LISTED = 1_000
_SOON = timedelta(minutes=10)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Moderation:
    """Fake orders over the books."""

    settings: Settings
    store: SqlStore
    clock: Clock

    def add(self, wanted: Wanted, idempotency_key: str | None = None) -> Row:
        """Take an order in; the same key again gives the order that is there, whatever its state.

        Args:
            wanted: The order in text.
            idempotency_key: A name that the caller gives it; none makes a new order each time.

        Returns:
            The order, as ``GET /api/v1/fake-orders`` shows it.

        Raises:
            ValueRefusedError: It is malformed, or the key stands for another order.
            ConfigurationError: No account is of the organization.
        """
        check_organization(self.store, wanted.organization_id)
        order_id = order_id_of(wanted.organization_id, idempotency_key) if idempotency_key else None
        order = fake_order(wanted, order_id or uuid4(), self.clock.now())
        with self.store.begin([]) as work:
            kept = work.fake_order(order.order_id)
            if kept is None:
                work.add_fake_orders([order])
                kept = work.fake_order(order.order_id) or order
        if not kept.same_wish(order):
            raise ValueRefusedError("the idempotency key stands for another order already")
        return order_document(kept)

    def listed(
        self,
        organization_id: str | None = None,
        status: FakeOrderStatus | None = None,
        limit: int = 100,
    ) -> list[Row]:
        """List orders, those of the latest hours first."""
        with self.store.reading() as connection:
            found = FakeOrderQueries(connection).listed(organization_id, status, limit)
        return [order_document(order) for order in found]

    def positions(self, organization_id: str | None = None, limit: int = 100) -> list[Row]:
        """List approved orders with their P&L, those of the latest hours first."""
        with self.store.reading() as connection:
            found = FakeOrderQueries(connection).listed(
                organization_id, FakeOrderStatus.APPROVED, limit
            )
        return [position_document(order) for order in found]

    def shown(self, order_id: UUID, organization_id: str | None = None) -> Row:
        """Show an order with its P&L, its marks and its events.

        Raises:
            OrderNotFoundError: There is none, or it is another organization's.
        """
        with self.store.look() as work:
            order = work.fake_order(order_id)
            if order is None or organization_id not in {None, order.organization_id}:
                raise OrderNotFoundError(f"there is no fake order {order_id}")
            marks, events = work.fake_order_marks(order_id), work.fake_order_events(order_id)
        return order_document(order) | {
            "pnl": decimal_text(order.pnl),
            "marks": [
                {"at": milliseconds(m.at), "lmp": decimal_text(m.lmp), "pnl": decimal_text(m.pnl)}
                for m in marks
            ],
            "events": [event | {"at": milliseconds(event["at"])} for event in events],
        }

    def waiting(self, organization_id: str | None = None) -> Row:
        """Count pending orders with the names of ``GET /api/v1/scheduler/status``."""
        with self.store.reading() as connection:
            due, soon, first = FakeOrderQueries(connection).waiting(
                self.clock.now(), _SOON, organization_id
            )
        return {
            "pending_due_now": due,
            "upcoming_10_min": soon,
            "next_due_order": milliseconds(first),
        }

    def next_due(self, after: datetime | None = None) -> datetime | None:
        """Return the earliest due time of a pending order, past or soon, and after a moment."""
        with self.store.reading() as connection:
            until = self.clock.now() + LOOK_AHEAD
            return FakeOrderQueries(connection).next_due(after, until)

    def lately_created(self) -> datetime | None:
        """Return when the latest order was created; ``None`` if that is long ago."""
        with self.store.reading() as connection:
            created = FakeOrderQueries(connection).last_created()
        recent = created is not None and self.clock.now() - created < SERVED
        return created if recent else None

    def marks_are_due(self) -> bool:
        """Whether there is anything to mark."""
        with self.store.reading() as connection:
            return FakeOrderQueries(connection).marks_are_due(self.clock.now())

    def totals(self) -> tuple[int, int]:
        """Count the approved orders of the last day's hours, and sum up their P&L in millionths."""
        with self.store.reading() as connection:
            return FakeOrderQueries(connection).totals(self.clock.now() - 24 * HOUR)

    def serve(self, until: datetime, wanted: Callable[[], bool]) -> Moderated:
        """Moderate each order at its due time until a moment; see ``Moderating.serve``."""
        prices = self._prices()
        with prices.watched():
            return asyncio.run(self._moderating(prices).serve(until, wanted))

    def decide_due(self, organization_id: str | None = None) -> Moderated:
        """Moderate what is due now; see ``Moderating.decide_due``."""
        return self._moderating(self._asked()).decide_due(organization_id)

    def mark(self) -> Marked:
        """Mark approved orders; see ``Moderating.mark``."""
        return self._moderating(self._asked()).mark()

    def _prices(self) -> GridPrices:
        settings = self.settings
        simulated = SimulatedPrices(
            settings.moderation_seed,
            parse_price(settings.moderation_lmp_base),
            parse_price(settings.moderation_lmp_spread),
        )
        python = settings.moderation_real_prices_python or Path(sys.executable)
        asking = partial(ask, environment=foreign_environment(), python=python)
        return GridPrices(settings.moderation_real_prices, simulated, asking)

    def _asked(self) -> GridPrices:
        prices = self._prices()
        prices.refresh()
        return prices

    def _moderating(self, prices: GridPrices) -> Moderating:
        notify = self.settings.rabbitmq_notifications_enabled
        return Moderating(self.store, prices, self.clock, _rules(self.settings), notify=notify)


def _rules(settings: Settings) -> ModerationRules:
    reasons: Mapping[str, int] = settings.moderation_reasons or REASONS
    return ModerationRules(
        seed=settings.moderation_seed,
        approval=int(settings.moderation_approval_percent * CERTAIN / 100),
        reasons=reasons,
        step=timedelta(minutes=settings.moderation_mark_minutes),
    )
