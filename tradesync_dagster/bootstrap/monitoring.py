"""What the faces may ask of the order monitor: a cycle, and where orders stand.

What belongs here: keys of accounts, wiring the monitor. What does not: what a cycle does
(``sync.monitoring``), when cycles run (``defs.monitor``).
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tradesync_dagster.bootstrap.accounts import named
from tradesync_dagster.bootstrap.pending import in_step
from tradesync_dagster.bootstrap.reading import Reading
from tradesync_dagster.bootstrap.trading import detection_rules
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.expiry import is_watching
from tradesync_dagster.domain.heartbeats import MONITOR, monitor_good_until
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.orders import OrderStatus
from tradesync_dagster.store.order_statistics import OrderStatistics
from tradesync_dagster.sync.fetching import Fetching
from tradesync_dagster.sync.monitoring import Cycle, Monitor, MonitorRules


@dataclass(frozen=True, slots=True)
class Monitoring:
    """The order monitor, over the books and the brokers."""

    reading: Reading

    def is_due(self, at: datetime) -> bool:
        """Tell whether orders are watched at a moment; see ``domain.expiry.is_watching``."""
        settings = self.reading.settings
        return settings.order_monitor_enabled and is_watching(at, settings.trading_hours)

    def cycle(self, accounts: Sequence[str] | None = None) -> Cycle:
        """Look once at orders.

        Args:
            accounts: ``ORG/ACCOUNT`` keys, looked at whatever the ledger knows of their orders;
                ``None`` for all enabled accounts with orders that a broker may be working.

        Returns:
            What came of it. An account's failure is in it.

        Raises:
            AccountNotFoundError: A key names no account.
        """
        if accounts is None:
            enabled, _ = self._beat()
            cycle = asyncio.run(self._cycle(enabled, asked=False))
        else:
            chosen = named(self.reading.store, accounts)
            cycle = asyncio.run(self._cycle(chosen, asked=True))
        if cycle.changed:
            in_step(self.reading)
        return cycle

    def has_orders(self) -> bool:
        """Tell whether a cycle would ask any broker, and that the monitor is alive.

        Returns:
            Whether an enabled account has an order of any day that its broker may be working: also
            one that waits for the next session, or whose day is over and whose end nobody told.
        """
        _, watched = self._beat()
        return bool(watched)

    def _beat(self) -> tuple[list[Account], set[int]]:
        """Give a sign of life; return the enabled accounts, and the ids of those to look at."""
        enabled = self.reading.store.accounts()
        ids = [one.account_id for one in enabled]
        now, hours = self.reading.clock.now(), self.reading.settings.trading_hours
        with self.reading.store.begin([]) as work:
            work.beat(ids, MONITOR, now, monitor_good_until(now, hours))
            return enabled, work.watched(ids)

    async def _cycle(self, accounts: Sequence[Account], *, asked: bool) -> Cycle:
        reading, settings = self.reading, self.reading.settings
        brokers = reading.brokers()
        monitor = Monitor(
            store=reading.store,
            fetching=Fetching(
                brokers, reading.clock, settings.concurrency, settings.account_deadline_seconds
            ),
            snapshots=reading.snapshots(),
            messages=reading.messages(),
            people=reading.people(),
            clock=reading.clock,
            rules=MonitorRules(
                detection=detection_rules(settings),
                generation=reading.generation_rules(),
                alerts=reading.alert_rules(),
                notify=settings.rabbitmq_notifications_enabled,
            ),
        )
        try:
            return await monitor.cycle(accounts, asked=asked)
        finally:
            await brokers.close()

    def statistics(
        self,
        organization: str | None = None,
        account: str | None = None,
        day: date | None = None,
    ) -> dict[str, Any]:
        """Count orders by status, side and origin; every status is there, also with none.

        Args:
            organization: Of this one only.
            account: Its name within the organization.
            day: The exchange's day; today if not given.
        """
        day = day or trade_date_of(self.reading.clock.now())
        with self.reading.store.reading() as connection:
            found = OrderStatistics(connection).standings(
                day, organization=organization, account=account
            )
        statuses, sides, origins = (Counter[str]() for _ in range(3))
        for each in found:
            statuses[each.status] += each.orders
            sides[each.side] += each.orders
            origins[each.origin] += each.orders
        return {
            "trade_date": day.isoformat(),
            "total": statuses.total(),
            "statuses": {status.value: statuses[status.value] for status in OrderStatus},
            "sides": dict(sides),
            "origins": dict(origins),
        }
