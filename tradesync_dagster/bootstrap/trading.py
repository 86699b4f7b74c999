"""What the faces may ask about our own orders: place, change, cancel, try again, halt, limit.

What belongs here: keys of accounts, wiring the use-cases, rows for people. What does not: the
use-cases (``sync.placing``, ``changing``, ``verifying``), the rules (``domain.order_limits``).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from tradesync_dagster.bootstrap.accounts import in_scope
from tradesync_dagster.bootstrap.logs import log_order
from tradesync_dagster.bootstrap.pending import in_step
from tradesync_dagster.bootstrap.reading import Reading
from tradesync_dagster.bootstrap.retries import retry_rules
from tradesync_dagster.bootstrap.wiring import people_addresses
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import ConfigurationError, TradesyncError
from tradesync_dagster.domain.external import DetectionRules
from tradesync_dagster.domain.order_limits import Halt, Limits
from tradesync_dagster.domain.order_requests import OrderText, plain, read_order
from tradesync_dagster.domain.orders import Order, OrderStatus
from tradesync_dagster.domain.ports import Brokers
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.trading import Trading as TradingRows
from tradesync_dagster.sync.changing import Changing
from tradesync_dagster.sync.documents import shown
from tradesync_dagster.sync.fetching import Fetching
from tradesync_dagster.sync.placing import Placing, PlacingRules, find
from tradesync_dagster.sync.retrying import Retrying
from tradesync_dagster.sync.telling import TellingRules
from tradesync_dagster.sync.twins import switch
from tradesync_dagster.sync.verifying import Verified, Verifying

Act = Callable[[Account, Placing], Awaitable[Order]]


def placing_rules(settings: Settings) -> PlacingRules:
    """Say what placements keep to."""
    return PlacingRules(
        live_enabled=settings.live_orders_enabled,
        tag_prefix=settings.tag_prefix,
        deadline=timedelta(seconds=settings.account_deadline_seconds),
        telling=TellingRules(
            settings.rabbitmq_notifications_enabled, len(people_addresses(settings))
        ),
    )


def detection_rules(settings: Settings) -> DetectionRules:
    """Say how orders that are not ours are told, and placements that are lost."""
    return DetectionRules(
        enabled=settings.external_order_detection_enabled,
        confirm=timedelta(seconds=settings.confirm_seconds),
        minimum_age=timedelta(seconds=settings.minimum_age_seconds),
        tag_prefix=settings.tag_prefix,
        lost_after=placing_rules(settings).lost_after,
        hours=settings.trading_hours,
    )


@dataclass(frozen=True, slots=True)
class Trading:
    """Orders of our own, over the books and the brokers."""

    reading: Reading

    def place(
        self, account: str, text: OrderText, *, who: str, strategy: str = "", key: str = "",
        verify: bool = True,
    ) -> Verified:  # fmt: skip
        """Place an order and look at its broker's book; see ``sync.placing.Placing.place``.

        It goes to the account's paper twin while the account trades on paper.
        """
        wanted = read_order(text)
        for name, value in (("who", who), *((("key", key),) if key else ())):
            plain(name, value)

        async def act(chosen: Account, placing: Placing) -> Order:
            return await placing.place(chosen, wanted, strategy_id=strategy, who=who, key=key)

        (named,) = self.reading.chosen(account)
        return self._do(self.reading.trades_through(named).key, act, verify=verify)

    def switch(self, account: str, twin: str, through: str, who: str) -> None:
        """Say where an account's new orders go; see ``sync.twins.switch``."""
        plain("who", who)
        (real,), (paper,) = self.reading.chosen(account), self.reading.chosen(twin)
        switch(self.reading.store, real, paper, through, who, self.reading.clock.now())

    def retry(
        self,
        account: str,
        order_id: UUID,
        *,
        who: str,
        tried: int | None = None,
        verify: bool = True,
    ) -> Verified:
        """Try a failed order again; see ``sync.retrying.Retrying.retry``."""
        plain("who", who)
        rules = retry_rules(self.reading.settings)

        async def act(chosen: Account, placing: Placing) -> Order:
            return await Retrying(placing, rules).retry(chosen, order_id, who, tried)

        return self._do(account, act, verify=verify)

    def modify(
        self,
        account: str,
        order_id: UUID,
        changes: Mapping[str, str],
        *,
        who: str,
        verify: bool = True,
    ) -> Verified:
        """Change an order of ours; see ``sync.changing.Changing.modify``."""
        plain("who", who)

        async def act(chosen: Account, placing: Placing) -> Order:
            return await Changing(placing).modify(chosen, order_id, changes, who)

        return self._do(account, act, verify=verify)

    def cancel(
        self, account: str, order_id: UUID, *, who: str, why: str, verify: bool = True
    ) -> Verified:
        """Cancel an order; see ``sync.changing.Changing.cancel``."""
        plain("who", who)
        plain("why", why)

        async def act(chosen: Account, placing: Placing) -> Order:
            return await Changing(placing).cancel(chosen, order_id, who, why)

        return self._do(account, act, verify=verify)

    def _do(self, account: str, act: Act, *, verify: bool) -> Verified:
        (chosen,) = self.reading.chosen(account)

        async def run() -> Verified:
            brokers = self.reading.brokers()
            try:
                order = await act(chosen, self._placing(brokers))
                log_order(account, order)
                if not verify or order.status is OrderStatus.FAILED:
                    return Verified(order)
                try:
                    return await self._verifying(brokers).verify(chosen, order.order_id)
                except TradesyncError as error:  # the order is out all the same
                    return Verified(order, str(error))
            finally:
                await brokers.close()

        done = asyncio.run(run())
        in_step(self.reading)
        return done

    def _placing(self, brokers: Brokers) -> Placing:
        reading = self.reading
        return Placing(reading.store, brokers, reading.clock, placing_rules(reading.settings))

    def _verifying(self, brokers: Brokers) -> Verifying:
        store, clock, settings = self.reading.store, self.reading.clock, self.reading.settings
        fetching = Fetching(brokers, clock, 1, settings.account_deadline_seconds)
        rules = detection_rules(settings)
        alerts = self.reading.alert_rules() if settings.rabbitmq_notifications_enabled else None
        return Verifying(store, fetching, clock, rules, settings.verify_seconds, alerts)

    def show(self, account: str, order_id: UUID) -> dict[str, Any]:
        """Show an order with what happened to it, oldest first, and its sendings.

        Raises:
            OrderNotFoundError: The account has no such order.
        """
        (chosen,) = self.reading.chosen(account)
        with self.reading.store.look() as work:
            order = find(work, chosen, order_id)
            events = work.events_of([order_id])
            intents = work.intents([chosen.account_id], order.first_seen_at)
        row = shown(asdict(order.broker)) | {
            name: value for name, value in shown(asdict(order)).items() if name != "broker"
        }
        sent = [shown(asdict(one)) for one in intents if one.order_id == order_id]
        told = [{"at": one.at.isoformat(), "kind": one.kind, **one.detail} for one in events]
        return {"account": account, **row, "sendings": sent, "events": told}

    def limits(self, account: str) -> Limits:
        """Read an account's limits."""
        (chosen,) = self.reading.chosen(account)
        with self.reading.store.look() as work:
            return work.limits(chosen.account_id)

    def set_limits(self, account: str, changes: Mapping[str, int], who: str) -> Limits:
        """Change some of an account's limits; money in millionths.

        Raises:
            PlacementRefusedError: Nobody is named.
            ConfigurationError: A limit is below 0.
        """
        plain("who", who)
        low = [name for name, value in changes.items() if value < 0]
        if low:
            raise ConfigurationError(f"{low[0].replace('_', '-')} is a limit, so 0 or more")
        (chosen,) = self.reading.chosen(account)
        with self.reading.store.begin([chosen.account_id]) as work:
            limits = replace(work.limits(chosen.account_id), **changes)
            work.put_limits(chosen.account_id, limits, who, self.reading.clock.now())
        return limits

    def halts(self) -> list[Halt]:
        """List what is halted."""
        with self.reading.store.reading() as connection:
            return TradingRows(connection).halts()

    def halt(self, scope: str, who: str, why: str) -> bool:
        """Stop placements, those in paper twins too; cancelling goes on.

        Args:
            scope: Empty for all, an organization, or ``ORG/ACCOUNT``.
            who: Who does it.
            why: For what reason.

        Returns:
            Whether it was not halted already. After that no new order is meant; one whose intent
            was committed before may still be on its way.
        """
        plain("who", who)
        plain("why", why)
        accounts = {one.account_id for one in in_scope(self.reading.store, scope)}
        with self.reading.store.look() as work:
            twins = {one.twin_id for one in work.routes() if one.account_id in accounts}
        with self.reading.store.begin(sorted(accounts | twins)) as work:
            return work.halt(Halt(scope, self.reading.clock.now(), who, why))

    def resume(self, scope: str, who: str, why: str) -> bool:
        """Let placements out again, where no wider halt stops them; tell whether one was on."""
        plain("who", who)
        plain("why", why)
        in_scope(self.reading.store, scope)
        with self.reading.store.writing() as connection:
            return TradingRows(connection).resume(scope, who, why, self.reading.clock.now())
