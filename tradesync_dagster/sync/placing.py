"""Placing orders of our own, and trying failed ones again.

The order of the steps is what makes it safe: limits and intent in one transaction under the
account's lease, then the call, then what came of it in another. Killed between any two of them, the
next complete book tells (``domain.resolving``); nothing is ever sent twice under one intent. What
belongs here: these steps. What does not: what an answer makes of an order (``domain.placements``),
changing an order that is at the broker (``changing``), looking at the book afterwards
(``verifying``).
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from tradesync_dagster.domain import placements
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import OrderRequest
from tradesync_dagster.domain.errors import (
    BrokerError,
    BrokerUnavailableError,
    OrderNotFoundError,
    OrderRejectedError,
    PlacementRefusedError,
    UnreadableAnswerError,
)
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.money import format_price
from tradesync_dagster.domain.order_limits import check_live
from tradesync_dagster.domain.orders import Intent, Order, OrderStatus, placed_id_of
from tradesync_dagster.domain.placements import Placement, client_order_id_of
from tradesync_dagster.domain.ports import BrokerClient, Brokers, Clock, Store
from tradesync_dagster.domain.retries import kind_of
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.exposure import check
from tradesync_dagster.sync.telling import TellingRules, tell_orders

RETRIED = frozenset({OrderStatus.FAILED, OrderStatus.RETRY_PENDING, OrderStatus.REJECTED})
"""What may be tried again."""
Guard = Callable[[UnitOfWork, Order], None]
"""Looks at an order under its account's lease before it is tried again; it refuses by raising."""
_STALE_AFTER = 10.0
"""Seconds after its intent that an order may still be sent; a machine that slept sends none."""


@dataclass(frozen=True, slots=True)
class PlacingRules:
    """What placements keep to.

    Attributes:
        live_enabled: Whether orders may go to real brokers at all.
        tag_prefix: How the tags of our orders begin.
        deadline: Most time that one call to a broker may take, what it looks up included.
        telling: Who is told of it.
    """

    live_enabled: bool = False
    tag_prefix: str = "ts"
    deadline: timedelta = timedelta(seconds=120)
    telling: TellingRules = TellingRules()  # noqa: RUF009 - frozen

    @property
    def lost_after(self) -> timedelta:
        """From how long after an intent on nobody can be sending it, with the clocks' slack."""
        return self.deadline + timedelta(seconds=_STALE_AFTER + 60)


@dataclass(frozen=True, slots=True)
class Placing:
    """Places orders."""

    store: Store
    brokers: Brokers
    clock: Clock
    rules: PlacingRules

    async def place(
        self, account: Account, wanted: OrderRequest, *, strategy_id: str, who: str, key: str = ""
    ) -> Order:
        """Place an order once.

        Args:
            account: Where.
            wanted: What; its tag is ignored.
            strategy_id: Its owner; empty for none.
            who: Who wants it.
            key: The caller's own name for this order; asking again under it places nothing more.

        Returns:
            The order as the ledger has it: at the broker, failed with the reason, or unknown.

        Raises:
            PlacementRefusedError: Our own limits or switches say no, or the key is another order's.
            ConfigurationError: The account cannot be used.
        """
        client = self.brokers.client(account)
        tag = self._tag(account, key or secrets.token_hex(16))
        request = replace(wanted, tag=tag)
        now = self.clock.now()
        with self.store.begin([account.account_id]) as work:
            known = work.order(account.account_id, placed_id_of(account.account_id, tag))
            if known is not None:
                return _same(account, known, request, key)
            value = self.check(work, account, request)
            placement = placements.intend(
                account.account_id, request, now, strategy_id=strategy_id, who=who, value=value
            )
            self.keep(work, account, placement)
        return await self._send(account, client, placement, request)

    async def retry(
        self, account: Account, order_id: UUID, who: str, guard: Guard | None = None
    ) -> Order:
        """Try an order again that failed or was rejected.

        Args:
            account: Whose.
            order_id: Failed, waiting for it, or rejected.
            who: Who wants it.
            guard: What else must hold, in the transaction that takes the order.

        Returns:
            The order; a new one where the first ended at the broker.

        Raises:
            OrderNotFoundError: The account has no such order.
            PlacementRefusedError: It cannot be tried again, or our limits or switches say no.
        """
        client = self.brokers.client(account)
        now = self.clock.now()
        with self.store.begin([account.account_id]) as work:
            order = find(work, account, order_id)
            if order.status not in RETRIED or not order.client_order_id:
                raise PlacementRefusedError(
                    f"{account.key}: order {order_id} is {order.status.value}; only orders of ours "
                    "that failed or were rejected are tried again"
                )
            tag = self._tag(account, order.client_order_id, order.retry_count + 1)
            again = placed_id_of(account.account_id, tag)
            if work.order(account.account_id, again) is not None:
                raise PlacementRefusedError(
                    f"{account.key}: order {order_id} was tried again already, as order {again}"
                )
            if guard is not None:
                guard(work, order)
            request = replace(placements.request_of(order), tag=tag)
            value = self.check(work, account, request)
            placement = placements.try_again(order, request, now, who, value)
            self.keep(work, account, placement)
        return await self._send(account, client, placement, request)

    def keep(self, work: UnitOfWork, account: Account, placement: Placement) -> None:
        """Write an order, its sending and what happened to them, and tell of it."""
        keep(work, placement)
        tell_orders(work, account, [placement.order], placement.events, self.rules.telling)

    def _tag(self, account: Account, key: str, attempt: int = 0) -> str:
        return client_order_id_of(self.rules.tag_prefix, account.account_id, key, attempt)

    def check(
        self, work: UnitOfWork, account: Account, request: OrderRequest, but: UUID | None = None
    ) -> int:
        """Hold an order against switches, halts and limits; see ``exposure.check``."""
        check_live(account, live_enabled=self.rules.live_enabled)
        return check(work, account, request, trade_date_of(self.clock.now()), but)

    async def _send(
        self, account: Account, client: BrokerClient, placement: Placement, request: OrderRequest
    ) -> Order:
        waited = (self.clock.now() - placement.intent.created_at).total_seconds()
        if waited > _STALE_AFTER:
            what = f"not sent: {waited:.0f} s went by since it was meant"
            late = BrokerUnavailableError(account.broker, "place", what, sent=False)
            return self._record(account, placement, late)
        call = client.place(request)
        answer = await answered(call, account, "place", self.rules.deadline)
        return self._record(account, placement, answer)

    def _record(self, account: Account, sent: Placement, answer: str | BrokerError) -> Order:
        """Write an answer into the ledger as it is by now: a book may have been faster."""
        now = self.clock.now()
        with self.store.begin([account.account_id]) as work:
            placement = placement_of(work, account, sent.order.order_id, sent.intent)
            if isinstance(answer, str):
                placements.acknowledge(placement, answer, now, "answer")
            elif may_be_done(answer):
                placements.lose(placement, str(answer), now)
            else:
                _fail(placement, answer, now)
            _absorb_candidate(work, placement.order)
            self.keep(work, account, placement)
        return placement.order


async def answered(
    call: Awaitable[str], account: Account, endpoint: str, deadline: timedelta
) -> str | BrokerError:
    """Wait for a broker's answer to a write, and give it or what went wrong."""
    seconds = deadline.total_seconds()
    try:
        return await asyncio.wait_for(call, seconds)
    except TimeoutError:
        return BrokerUnavailableError(account.broker, endpoint, f"no answer within {seconds:g} s")
    except BrokerError as error:
        return error


def may_be_done(error: BrokerError) -> bool:
    """Tell whether the broker may have carried out what this error was the answer to."""
    if isinstance(error, BrokerUnavailableError):
        return error.sent
    return isinstance(error, UnreadableAnswerError)


def _fail(placement: Placement, error: BrokerError, at: datetime) -> None:
    kind = kind_of(error).value
    if not isinstance(error, OrderRejectedError):
        placements.fail(placement, str(error), at, failure=kind)
        return
    amounts = {"required": error.required, "available": error.available}
    more = {name: format_price(units) for name, units in amounts.items() if units is not None}
    reason = error.reason or str(error)
    placements.fail(placement, reason, at, shortfall=error.shortfall, failure=kind, **more)


def placement_of(
    work: UnitOfWork, account: Account, order_id: UUID, sent: Intent | None = None
) -> Placement:
    """Read an order of ours and the sending of it that counts, or one that is given.

    Raises:
        OrderNotFoundError: The account has no such order, or it is not ours.
    """
    order = find(work, account, order_id)
    tag = sent.client_order_id if sent else order.client_order_id
    since = sent.created_at if sent else order.first_seen_at
    intents = [
        one for one in work.intents([account.account_id], since) if one.client_order_id == tag
    ]
    if not intents:
        raise OrderNotFoundError(f"{account.key}: order {order_id} was not placed by tradesync")
    return Placement(order, intents[0], [])


def find(work: UnitOfWork, account: Account, order_id: UUID) -> Order:
    """Read an order of an account.

    Raises:
        OrderNotFoundError: It has none of that id.
    """
    order = work.order(account.account_id, order_id)
    if order is None:
        raise OrderNotFoundError(
            f"{account.key} has no order {order_id}; see them with: tradesync orders list "
            f"{account.key} --json"
        )
    return order


def keep(work: UnitOfWork, placement: Placement) -> None:
    """Write an order, its sending and what happened to them."""
    work.put_orders([placement.order], placement.events)
    work.put_intents([placement.intent])


def _absorb_candidate(work: UnitOfWork, order: Order) -> None:
    """Take in the row that a book made of our order before we knew its id by the answer."""
    day, broker_order_id = order.broker.trade_date, order.broker.broker_order_id
    if not broker_order_id:
        return
    for other in work.orders([order.account_id], day):
        same = (other.broker.trade_date, other.broker.broker_order_id) == (day, broker_order_id)
        if same and other.order_id != order.order_id:
            work.absorb({other.order_id: order.order_id})
            work.mark_stale({order.account_id: day})


def _same(account: Account, known: Order, request: OrderRequest, key: str) -> Order:
    asked = placements.request_of(known)
    names = ["exchange", "symbol", "product", "side"]
    if known.retry_count == 0 and not known.in_book:
        names += ["order_type", "quantity", "price", "trigger_price", "validity", "variety"]
    if any(getattr(asked, name) != getattr(request, name) for name in names):
        raise PlacementRefusedError(
            f"{account.key}: the key {key!r} was used for another order; nothing was placed"
        )
    return known
