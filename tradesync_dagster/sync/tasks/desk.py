"""What tasks ask of the desk: Protocols, and what is the same for several tasks.

What belongs here: the doors, prices and units. What does not: any one task's rule.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.attribution_rows import OpenUnits
from tradesync_dagster.domain.errors import TaskFailedError
from tradesync_dagster.domain.facts import Facts
from tradesync_dagster.domain.mandates import Mandate
from tradesync_dagster.domain.order_requests import OrderText
from tradesync_dagster.domain.orders import Order
from tradesync_dagster.domain.ports import Clock, Store
from tradesync_dagster.domain.results import AccountResult
from tradesync_dagster.domain.strategies import View, Wish
from tradesync_dagster.domain.trading_hours import TradingHours
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.alerts import AlertRules

WHO = "tasks"
"""Who places, changes and cancels, in the audit trail."""
Detail = dict[str, Any]


class Desk(Protocol):
    """What a task may do; accounts are ``ORG/ACCOUNT`` keys."""

    @property
    def store(self) -> Store:
        """The books."""
        ...

    @property
    def clock(self) -> Clock:
        """The time."""
        ...

    @property
    def hours(self) -> TradingHours:
        """When the exchanges are open."""
        ...

    @property
    def alerts(self) -> AlertRules | None:
        """Who is told; ``None`` for nobody."""
        ...

    def refresh(self, account: str, *, force: bool = False) -> AccountResult:
        """Bring an account up to date; see ``sync.cycle``."""
        ...

    def work_queue(self, account: str) -> Mapping[str, Any]:
        """Look at the account's retry queue; say what came of it, JSON-ready."""
        ...

    def end_day(self, account: str) -> Mapping[str, Any]:
        """Look at the account's orders after the close, so that those of the day end."""
        ...

    def follows(self, account: str) -> str:
        """Prove that the account's books follow from its fills; a sentence where they do not."""
        ...

    def place(self, account: str, text: OrderText, *, strategy: str, key: str) -> Order:
        """Place an order once; see ``sync.placing``."""
        ...

    def modify(self, account: str, order_id: UUID, changes: Mapping[str, str]) -> Order:
        """Change an order; see ``sync.changing``."""
        ...

    def cancel(self, account: str, order_id: UUID, why: str) -> Order:
        """Cancel an order; see ``sync.changing``."""
        ...

    def wishes(self, name: str, view: View) -> Sequence[Wish]:
        """Ask an installed strategy, made anew, what to buy; it has a limited time.

        Raises:
            ConfigurationError: None has that name.
            TaskFailedError: It failed, took too long, or wishes what cannot be.
        """
        ...


@dataclass(frozen=True, slots=True)
class Job:
    """One account's work on one day.

    Attributes:
        account: Whose mandates they are.
        books: The account that it trades through: itself, or its paper twin.
        day: The trading day.
    """

    desk: Desk
    account: Account
    books: Account
    day: date

    @property
    def day_before(self) -> date:
        """The trading day before."""
        return self.desk.hours.previous_trading_day(self.day)

    def mandates(self, work: UnitOfWork) -> dict[str, Mandate]:
        """Read the mandates that are on, by strategy."""
        found = work.mandates([self.account.account_id])
        return {one.strategy_id: one for one in found if one.enabled}

    def refreshed(self, *needed: str, force: bool = False) -> AccountResult:
        """Bring the books up to date.

        Raises:
            TaskFailedError: One of the assets that are needed could not be.
        """
        result = self.desk.refresh(self.books.key, force=force)
        lacking = sorted(set(needed) & result.failed)
        if lacking:
            why = "; ".join(result.errors) or "the broker gave no whole answer"
            raise TaskFailedError(f"{', '.join(lacking)} could not be brought up to date: {why}")
        return result


@dataclass(frozen=True, slots=True)
class Units:
    """What strategies hold in an account, looked up by listing."""

    account_id: int
    facts: Facts
    open: OpenUnits

    @classmethod
    def of(cls, work: UnitOfWork, account_id: int) -> "Units":
        """Read it."""
        return cls(account_id, work.facts([account_id]), work.open_units([account_id]))

    def held(self, strategy_id: str, exchange: str, symbol: str, product: str) -> int:
        """Count a strategy's open units, signed."""
        instrument = self.facts.instrument(exchange, symbol, product)
        return self.open.get((self.account_id, strategy_id, instrument, product), 0)


def check(errors: list[str], detail: Detail) -> Detail:
    """Give what came of a task, or fail with it where parts of it went wrong.

    Raises:
        TaskFailedError: There are errors; what was done stands in its detail.
    """
    if errors:
        raise TaskFailedError("; ".join(errors), detail)
    return detail
