"""What the faces may ask about failed orders: the queue, trying again, dropping, tending.

What belongs here: keys of accounts, wiring the use-cases, rows for people and programs. What does
not: the use-cases (``sync.retrying``, ``tending``), other orders (``trading``, ``user_orders``).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from tradesync_dagster.bootstrap.accounts import named_or_enabled
from tradesync_dagster.bootstrap.pending import in_step
from tradesync_dagster.bootstrap.reading import Reading
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import OrderNotFoundError
from tradesync_dagster.domain.order_requests import plain
from tradesync_dagster.domain.orders import Order, Origin
from tradesync_dagster.domain.ports import Brokers
from tradesync_dagster.domain.retries import MAY_PASS, QueueEntry, RetryRules, is_due
from tradesync_dagster.settings import Settings
from tradesync_dagster.settings.orders import DUAL_READ
from tradesync_dagster.store.user_orders import OrderFilter, UserOrders
from tradesync_dagster.sync.documents import own_order_document, shown
from tradesync_dagster.sync.placing import RETRIED, Placing, PlacingRules
from tradesync_dagster.sync.retrying import Retrying, queued
from tradesync_dagster.sync.tending import Tended, Tending

Row = dict[str, Any]
Rows = list[Row]
_PLACE = ("kind", "kind_means", "expires_at", "next_retry_at", "held_by")


def retry_rules(settings: Settings) -> RetryRules:
    """Say when orders are tried again by themselves."""
    return RetryRules(
        enabled=settings.retry_enabled,
        first=timedelta(seconds=settings.retry_first_seconds),
        attempts=settings.retry_attempts,
        stop=timedelta(minutes=settings.retry_stop_minutes),
        hours=settings.trading_hours,
    )


@dataclass(frozen=True, slots=True)
class Retries:
    """The retry queue, over the books and the brokers."""

    reading: Reading
    rules: PlacingRules

    def listed(self, organization: str | None = None, account: str | None = None) -> Rows:
        """List the queue, the oldest failure first.

        Args:
            organization: Only its accounts; ``None`` for all.
            account: Only this ``ORG/ACCOUNT``; ``None`` for all.
        """
        chosen = [
            one
            for one in self.reading.chosen(account)
            if organization in (None, one.organization_id)
        ]
        keys = {one.account_id: one for one in chosen}
        now, rules = self.reading.clock.now(), retry_rules(self.reading.settings)
        with self.reading.store.look() as work:
            found = queued(work, list(keys), now, rules)
        if self.reading.settings.pending_orders_mode == DUAL_READ:
            in_step(self.reading)
        return [row_of(keys[order.account_id], order, entry) for order, entry in found]

    def orders(self, wanted: OrderFilter) -> tuple[Rows, int]:
        """List orders of any status, newest first; see ``store.user_orders``.

        Returns:
            Rows as ``Reading.orders`` gives them, with their place in the queue as ``retry``, and
            how many there are in all.
        """
        with self.reading.store.reading() as connection:
            rows, total = UserOrders(connection).page(wanted)
        queued = {}
        if any(row["status"] in RETRIED for row in rows):
            queued = {row["order_id"]: row for row in self.listed(wanted.organization)}
        return [_told(row, queued.get(str(row["order_id"]))) for row in rows], total

    def account_of(self, order_id: UUID, organization: str | None = None) -> str:
        """Name the ``ORG/ACCOUNT`` of an order.

        Raises:
            OrderNotFoundError: There is none, or it is another organization's.
        """
        with self.reading.store.reading() as connection:
            found = UserOrders(connection).account_of(order_id)
        if found is None or organization not in (None, found[0]):
            raise OrderNotFoundError(f"there is no order {order_id}")
        return "/".join(found)

    def one(self, account: str, order_id: UUID) -> Row:
        """Show one order as ``orders`` does."""
        organization, _, name = account.partition("/")
        wanted = OrderFilter(organization, name, order_id=order_id)
        ((row,), _) = self.orders(wanted)
        return row

    def due(self) -> list[str]:
        """Name the enabled accounts with orders that a look at the queue would change or send."""
        now, rules = self.reading.clock.now(), retry_rules(self.reading.settings)
        accounts = {one.account_id: one.key for one in self.reading.store.accounts()}
        with self.reading.store.look() as work:
            queue = queued(work, list(accounts), now, rules)
            stored = {one.order_id: one for one in work.queue_entries(o for o, _ in queue)}
        found = {
            order.account_id
            for order, entry in queue
            if is_due(order, entry, now, rules)
            or now >= entry.expires_at
            or stored.get(order.order_id) != entry
        }
        return [accounts[account_id] for account_id in sorted(found)]

    def drop(self, account: str, order_id: UUID, *, who: str, why: str = "") -> Order:
        """Give a failed order up; see ``sync.retrying.Retrying.drop``."""
        plain("who", who)
        if why:
            plain("why", why)
        (chosen,) = self.reading.chosen(account)
        brokers = self.reading.brokers()
        try:
            order = self._retrying(brokers).drop(chosen, order_id, who, why)
        finally:
            asyncio.run(brokers.close())
        in_step(self.reading)
        return order

    def tend(self, accounts: Sequence[str] | None = None) -> Tended:
        """Look at the queue of accounts once; see ``sync.tending.Tending.tend``.

        Args:
            accounts: ``ORG/ACCOUNT`` keys; ``None`` for all enabled ones.
        """
        chosen = named_or_enabled(self.reading.store, accounts)

        async def run() -> Tended:
            brokers = self.reading.brokers()
            try:
                return await Tending(self._retrying(brokers)).tend(chosen)
            finally:
                await brokers.close()

        done = asyncio.run(run())
        in_step(self.reading)
        return done

    def _retrying(self, brokers: Brokers) -> Retrying:
        reading = self.reading
        placing = Placing(reading.store, brokers, reading.clock, self.rules)
        return Retrying(placing, retry_rules(reading.settings))


def row_of(account: Account, order: Order, entry: QueueEntry) -> dict[str, Any]:
    """Write a failed order with its place in the queue; money as decimal text."""
    _, because = MAY_PASS[entry.kind]
    return {
        "account": account.key,
        **own_order_document(order),
        "kind": entry.kind.value,
        "kind_means": because,
        "expires_at": entry.expires_at.isoformat(),
        "next_retry_at": entry.due_at and entry.due_at.isoformat(),
        "held_by": entry.why,
    }


def _told(row: Row, queued: Row | None) -> Row:
    """Write an order of any status; what a broker says of the source of ours is left out."""
    account = f"{row['organization_id']}/{row['pseudo_account']}"
    ours = {"source": ""} if row["origin"] == Origin.INTERNAL else {}
    found = {"account": account} | shown(row) | ours
    place = None if queued is None else {name: queued[name] for name in _PLACE}
    return found | {"retry": place}
