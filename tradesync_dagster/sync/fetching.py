"""Asking the brokers, all accounts at once, each within its own deadline.

What belongs here: concurrency and deadlines. What does not: the wire (``brokers``), what answers
mean (``applying``).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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


Known = Mapping[int, Mapping[str, str]]
"""By account id: the hashes of answers that need not be read again, by kind."""

_KINDS = ("orders", "trades", "positions", "holdings")
_BATCH = 250
"""Most accounts that are handed on together, so that memory does not grow with the desk."""
_LULL = 2.0
"""Seconds without any answer after which those that came are handed on without the others."""


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

    async def fetch(
        self, accounts: Sequence[Account], known: Known | None = None
    ) -> AsyncIterator[list[Answers]]:
        """Ask for the books of many accounts.

        Args:
            accounts: Whose books.
            known: Answers that need not be read again.

        Yields:
            One entry an account, some accounts at a time: those that answered, before others whose
            broker is slow. Whatever goes wrong is in the answers.
        """
        gate = asyncio.Semaphore(self.concurrency)

        async def one(account: Account) -> Answers:
            async with gate:
                return await self._account(account, (known or {}).get(account.account_id, {}))

        waiting = {asyncio.create_task(one(account)) for account in accounts}
        came: list[Answers] = []
        try:
            while waiting:
                done, waiting = await asyncio.wait(
                    waiting, timeout=_LULL if came else None, return_when=asyncio.FIRST_COMPLETED
                )
                came += [task.result() for task in done]
                if came and (not done or not waiting or len(came) >= _BATCH):
                    yield came
                    came = []
        finally:
            for task in waiting:
                task.cancel()

    async def order_books(
        self, accounts: Sequence[Account], known: Known | None = None
    ) -> list[Answers]:
        """Ask for order books alone.

        Args:
            accounts: Whose.
            known: Answers that need not be read again; their accounts' other books are not read
                yet either.

        Returns:
            One entry an account, in the same order; its other answers were not asked for.
        """
        return await self._gathered(
            self._order_book(account, (known or {}).get(account.account_id, {}))
            for account in accounts
        )

    async def with_trades(self, looks: Sequence[Answers]) -> list[Answers]:
        """Ask for the trades of accounts whose order books came, within deadlines of their own."""
        return await self._gathered(self._trades(look) for look in looks)

    async def _gathered(self, asked: Iterable[Awaitable[Answers]]) -> list[Answers]:
        gate = asyncio.Semaphore(self.concurrency)

        async def one(waiting: Awaitable[Answers]) -> Answers:
            async with gate:
                return await waiting

        return list(await asyncio.gather(*(one(waiting) for waiting in asked)))

    async def _order_book(self, account: Account, known: Mapping[str, str]) -> Answers:
        asked = self.clock.now()
        day = trade_date_of(asked)
        first, *others = _KINDS
        rest = (_not_asked(kind, day, asked) for kind in others)
        try:
            client = self.brokers.client(account, known)
        except ConfigurationError as error:
            return Answers(account, _failed(first, day, asked, error), *rest)
        ends = asyncio.get_running_loop().time() + self.deadline_seconds
        orders = await self._within(client.orders, first, day, account, ends)
        return Answers(account, orders, *rest)

    async def _trades(self, look: Answers) -> Answers:
        day = look.orders.trade_date
        ends = asyncio.get_running_loop().time() + self.deadline_seconds
        client = self.brokers.client(look.account)
        trades = await self._within(client.trades, "trades", day, look.account, ends)
        return replace(look, trades=trades)

    async def _account(self, account: Account, known: Mapping[str, str]) -> Answers:
        asked = self.clock.now()
        day = trade_date_of(asked)
        ends = asyncio.get_running_loop().time() + self.deadline_seconds
        try:
            client = self.brokers.client(account, known)
        except ConfigurationError as error:
            return Answers(account, *(_failed(kind, day, asked, error) for kind in _KINDS))
        # Orders are asked for before trades, so that every order's fills are there to be found.
        orders = await self._within(client.orders, "orders", day, account, ends)
        if orders.payload_hash != known.get("orders"):
            orders = orders.read()
        rest = await asyncio.gather(
            self._within(client.trades, "trades", day, account, ends),
            self._within(client.positions, "positions", day, account, ends),
            self._within(client.holdings, "holdings", day, account, ends),
        )
        return Answers(account, orders, *rest)

    async def _within(
        self,
        call: Callable[[], Awaitable[Fetch[Any]]],
        kind: str,
        day: date,
        account: Account,
        ends: float,
    ) -> Fetch[Any]:
        asked, time = self.clock.now(), asyncio.get_running_loop().time
        begun = time()
        try:
            async with asyncio.timeout_at(ends):
                return await call()
        except TimeoutError:
            slow = ConfigurationError(
                f"{account.broker} {kind}: no whole answer for {account.key} within "
                f"{self.deadline_seconds:g} s (TRADESYNC_ACCOUNT_DEADLINE_SECONDS)"
            )
            return _failed(kind, day, asked, slow, time() - begun)
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


def _not_asked(kind: str, day: date, asked: datetime) -> Fetch[Any]:
    return Fetch(
        kind=kind, outcome=Outcome.NOT_ASKED, trade_date=day, requested_at=asked, seconds=0.0
    )
