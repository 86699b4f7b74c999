"""The doors through which tasks reach the desk: syncs, orders, the retry queue, strategies.

What belongs here: wiring tasks to the other use-cases. What does not: what tasks do
(``sync.tasks``), what people ask about them (``tasks``, ``mandates``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tradesync_dagster.bootstrap.monitoring import Monitoring
from tradesync_dagster.bootstrap.reading import Reading
from tradesync_dagster.bootstrap.retries import Retries
from tradesync_dagster.bootstrap.strategies import place_of
from tradesync_dagster.bootstrap.strategy_process import ask_apart
from tradesync_dagster.bootstrap.trading import Trading, placing_rules
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.order_requests import OrderText
from tradesync_dagster.domain.orders import Order
from tradesync_dagster.domain.ports import Clock
from tradesync_dagster.domain.results import AccountResult, TickSummary
from tradesync_dagster.domain.strategies import View, Wish
from tradesync_dagster.domain.trading_hours import TradingHours
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.alerts import AlertRules
from tradesync_dagster.sync.tasks.desk import WHO


@dataclass(frozen=True, slots=True)
class TaskDesk:
    """The doors of ``sync.tasks.desk.Desk``.

    Attributes:
        sync: ``Services.sync``.
    """

    reading: Reading
    sync: Callable[..., TickSummary]

    @property
    def store(self) -> SqlStore:
        """See ``Desk``."""
        return self.reading.store

    @property
    def clock(self) -> Clock:
        """See ``Desk``."""
        return self.reading.clock

    @property
    def hours(self) -> TradingHours:
        """See ``Desk``."""
        return self.reading.settings.trading_hours

    @property
    def alerts(self) -> AlertRules | None:
        """See ``Desk``."""
        enabled = self.reading.settings.rabbitmq_notifications_enabled
        return self.reading.alert_rules() if enabled else None

    def refresh(self, account: str, *, force: bool = False) -> AccountResult:
        """See ``Desk``."""
        return self.sync([account], force=force).results[0]

    def work_queue(self, account: str) -> Mapping[str, Any]:
        """See ``Desk``."""
        rules = placing_rules(self.reading.settings)
        tended = Retries(self.reading, rules).tend([account])
        return {
            "waiting": tended.waiting,
            "sent": [str(order.order_id) for order in tended.sent],
            "expired": len(tended.expired),
            "held": list(tended.held),
        }

    def end_day(self, account: str) -> Mapping[str, Any]:
        """See ``Desk``."""
        cycle = Monitoring(self.reading).cycle([account])
        return {"ended": {str(status): count for status, count in sorted(cycle.moves.items())}}

    def follows(self, account: str) -> str:
        """See ``Desk``."""
        found = self.reading.replay([account])[account]
        if found.stale or not found.count:
            return ""
        return f"the books do not follow from the fills in {found.count} rows"

    def place(self, account: str, text: OrderText, *, strategy: str, key: str) -> Order:
        """See ``Desk``."""
        trading = Trading(self.reading)
        return trading.place(account, text, who=WHO, strategy=strategy, key=key, verify=False).order

    def modify(self, account: str, order_id: UUID, changes: Mapping[str, str]) -> Order:
        """See ``Desk``."""
        trading = Trading(self.reading)
        return trading.modify(account, order_id, changes, who=WHO, verify=False).order

    def cancel(self, account: str, order_id: UUID, why: str) -> Order:
        """See ``Desk``."""
        trading = Trading(self.reading)
        return trading.cancel(account, order_id, who=WHO, why=why, verify=False).order

    def wishes(self, name: str, view: View) -> Sequence[Wish]:
        """See ``Desk``."""
        return ask_apart(name, place_of(name), view, self.reading.settings.strategy_seconds)

    def books(self, account: Account) -> Account:
        """Return the account that an account trades through: itself, or its paper twin."""
        return self.reading.trades_through(account)
