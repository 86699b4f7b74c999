"""Looking at the broker's book once more after something was asked of it.

A broker's answer says that it heard, its book says what it did. What belongs here: one look, some
seconds later, and what it tells of the order. What does not: what a book changes (``applying``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.external import DetectionRules
from tradesync_dagster.domain.orders import Intent, Order, OrderEvent, OrderStatus
from tradesync_dagster.domain.ports import Clock, Store
from tradesync_dagster.sync.alerts import AlertRules
from tradesync_dagster.sync.applying import Applied, apply
from tradesync_dagster.sync.fetching import Fetching
from tradesync_dagster.sync.look_records import keep_records
from tradesync_dagster.sync.placing import find
from tradesync_dagster.sync.telling import look_messages, tell

_TERMS = ("quantity", "price", "trigger_price", "order_type")


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look told of an order.

    Attributes:
        order: As the ledger has it after the look.
        error: Why the look told nothing; empty where it did.
        told: What is now known of the last request to change or cancel it, by kinds of events.
    """

    order: Order
    error: str = ""
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verifying:
    """Looks at order books, and at nothing else of the brokers.

    Attributes:
        after_seconds: How long to wait before the look.
        alerts: Who is told what a look finds; nobody where it is ``None``.
    """

    store: Store
    fetching: Fetching
    clock: Clock
    rules: DetectionRules
    after_seconds: float = 15.0
    alerts: AlertRules | None = None

    async def verify(self, account: Account, order_id: UUID) -> Verified:
        """Wait, look at the account's order book once, and tell where the order stands.

        Args:
            account: Whose.
            order_id: An order that something was asked about.

        Returns:
            The order. What was asked of it last and is now known to be done, or not, is among its
            events.
        """
        await self.clock.sleep(self.after_seconds)
        (applied,) = await self.look([account])
        with self.store.begin([account.account_id]) as work:
            order = find(work, account, order_id)
            if "order_book" in applied.failed:
                return Verified(order, next(iter(applied.errors), ""))
            events = work.events_of([order_id])
            intents = work.intents([account.account_id], order.first_seen_at)
            mine = [one for one in intents if one.client_order_id == order.client_order_id]
            now = self.clock.now()
            told = [
                *cancelled_or_not(order, events, now),
                *changed_or_not(order, mine, events, now),
            ]
            work.put_orders([], told)
        return Verified(order, told=tuple(event.kind for event in told))

    async def look(self, accounts: Sequence[Account]) -> list[Applied]:
        """Bring orders up to date from order books alone; external ones wait for the next sync.

        Args:
            accounts: Whose.

        Returns:
            What changed, in the same order.
        """
        looks = await self.fetching.order_books(accounts)
        rules = replace(self.rules, enabled=False)
        with self.store.begin([account.account_id for account in accounts]) as work:
            applied = apply(work, looks, rules, self.clock.now())
            keep_records(work, looks, [entry.record for entry in applied if entry.record])
            if self.alerts is not None:
                tell(work, look_messages(applied, self.clock.now()), self.alerts.addresses)
            return applied


def cancelled_or_not(
    order: Order, events: Sequence[OrderEvent], at: datetime
) -> Iterator[OrderEvent]:
    """Tell what the book says of a request to cancel that nothing is known of yet.

    Args:
        order: As a book asked for after the request shows it.
        events: What happened to it.
        at: UTC.

    Yields:
        At most one event.
    """
    if _awaited("cancel", events):
        kind = {
            OrderStatus.CANCELLED: "cancel_confirmed",
            OrderStatus.EXECUTED: "cancel_too_late",
        }.get(order.status, "cancel_not_done")
        yield OrderEvent(order.order_id, kind, at, {"status": order.status.value})


def changed_or_not(
    order: Order, intents: Sequence[Intent], events: Sequence[OrderEvent], at: datetime
) -> Iterator[OrderEvent]:
    """Tell what the book says of a request to change it; see ``cancelled_or_not``."""
    if not _awaited("modify", events):
        return
    for intent in intents:
        differing = [
            name for name in _TERMS if getattr(order.broker, name) != getattr(intent, name)
        ]
        detail = {name: getattr(order.broker, name) for name in differing}
        kind = "modify_not_done" if differing else "modify_confirmed"
        yield OrderEvent(order.order_id, kind, at, detail)


def _awaited(name: str, events: Sequence[OrderEvent]) -> bool:
    """Tell whether the last word on a request is that the broker heard it, or may have."""
    last = [event.kind for event in events if event.kind.startswith(f"{name}_")][-1:]
    return last in ([f"{name}_acknowledged"], [f"{name}_unanswered"], [f"{name}_requested"])
