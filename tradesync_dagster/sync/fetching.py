"""Asking the brokers, all accounts at once, each within its own deadline.

What belongs here: concurrency and deadlines. What does not: the wire (``brokers``), what answers
mean (``applying``).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import BrokerHolding, BrokerPosition, Fetch, Outcome
from tradesync_dagster.domain.errors import ConfigurationError, TradesyncError
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.orders import BrokerOrder
from tradesync_dagster.domain.ports import Brokers, Clock


@dataclass(slots=True)
class Answers:
    """What one account's broker said in one look."""

    account: Account
    orders: Fetch[BrokerOrder]
    trades: Fetch[Fill]
    positions: Fetch[BrokerPosition]
    holdings: Fetch[BrokerHolding]

    @property
    def all(self) -> tuple[Fetch[Any], ...]:
        """The four answers, orders first."""
        return (self.orders, self.trades, self.positions, self.holdings)


@dataclass(frozen=True, slots=True)
class Fetching:
    """How brokers are asked.

    Attributes:
        concurrency: Most accounts asked at once.
        deadline_seconds: Most time for one account's four answers.
    """

    brokers: Brokers
    clock: Clock
    concurrency: int = 64
    deadline_seconds: float = 120.0
    _kinds: tuple[str, ...] = field(
        default=("orders", "trades", "positions", "holdings"), init=False, repr=False
    )

    async def fetch(self, accounts: Sequence[Account]) -> list[Answers]:
        """Ask for the books of many accounts.

        Args:
            accounts: Whose books.

        Returns:
            One entry an account, in the same order. Whatever goes wrong is in its answers.
        """
        gate = asyncio.Semaphore(self.concurrency)

        async def one(account: Account) -> Answers:
            async with gate:
                return await self._account(account)

        return list(await asyncio.gather(*(one(account) for account in accounts)))

    async def _account(self, account: Account) -> Answers:
        asked = self.clock.now()
        day = trade_date_of(asked)
        try:
            client = self.brokers.client(account)
        except ConfigurationError as error:
            return Answers(account, *(_failed(kind, day, asked, error) for kind in self._kinds))
        # Orders are asked for before trades, so that every order's fills are there to be found.
        orders = await self._within(client.orders, "orders", day, account)
        rest = await asyncio.gather(
            self._within(client.trades, "trades", day, account),
            self._within(client.positions, "positions", day, account),
            self._within(client.holdings, "holdings", day, account),
        )
        return Answers(account, orders, *rest)

    async def _within(
        self, call: Callable[[], Awaitable[Fetch[Any]]], kind: str, day: date, account: Account
    ) -> Fetch[Any]:
        asked = self.clock.now()
        try:
            return await asyncio.wait_for(call(), self.deadline_seconds)
        except TimeoutError:
            slow = ConfigurationError(
                f"{account.broker} {kind}: no whole answer for {account.key} within "
                f"{self.deadline_seconds:g} s (TRADESYNC_ACCOUNT_DEADLINE_SECONDS)"
            )
            return _failed(kind, day, asked, slow, self.deadline_seconds)
        except TradesyncError as error:  # such as credentials that are no use, met on the way
            return _failed(kind, day, asked, error)


def _failed(
    kind: str, day: date, asked: datetime, error: Exception, seconds: float = 0.0
) -> Fetch[Any]:
    return Fetch(
        kind=kind,
        outcome=Outcome.FAILED,
        trade_date=day,
        requested_at=asked,
        seconds=seconds,
        error=str(error),
        error_kind=type(error).__name__,
    )
