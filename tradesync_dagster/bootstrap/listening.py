"""Listening where brokers say at once that an order changed: one connection an account.

It goes on as long as the API's process and follows the books: accounts come, go and are logged in
without a restart. Nothing depends on it: what is not heard, the monitor's next cycle sees. What
belongs here: which accounts are listened for, and when a lost connection is opened again. What does
not: the wire (``brokers.kite_updates``), the look that a change asks for (``bootstrap.hints``).
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, NoReturn

from tradesync_dagster.bootstrap.wiring import Wiring
from tradesync_dagster.brokers.backoff import full_jitter
from tradesync_dagster.brokers.kite_updates import KiteUpdates
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import (
    BrokerError,
    ConfigurationError,
    SessionExpiredError,
    TradesyncError,
)
from tradesync_dagster.store.scope import see_only

_log = logging.getLogger(__name__)
_MOST_FAILURES: Final = 10
"""After as many in a row the pause grows no more."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """How long is waited, in seconds.

    Attributes:
        books: Between two looks for accounts that came, went or were logged in.
        least: Least time before a lost connection is opened again; the rest is drawn.
        longest: Most time that is drawn, after many failures.
        ended: Before a token that was refused is tried again; a new one is tried at once.
        settled: For how long a connection must last for the next pause to be short again.
    """

    books: float = 15.0
    least: float = 1.0
    longest: float = 60.0
    ended: float = 900.0
    settled: float = 60.0


@dataclass(slots=True)
class Listening:
    """Keeps the connections.

    Attributes:
        wiring: Of the desk.
        look_at: Called with an account's key when one of its orders changed, and when a connection
            is opened, for what happened before.
        updates: The wire.
        pauses: See there.
    """

    wiring: Wiring
    look_at: Callable[[str], None]
    updates: KiteUpdates = field(default_factory=KiteUpdates)
    pauses: Pauses = Pauses()
    _kept: dict[tuple[str, ...], "asyncio.Task[NoReturn]"] = field(default_factory=dict, repr=False)
    """By account's key, address and credentials: a new token makes a new connection."""
    _said: dict[str, str] = field(default_factory=dict)
    """By account, the log's last word on it, which is not repeated."""
    _rng: random.Random = field(default_factory=random.Random, repr=False)

    @asynccontextmanager
    async def under_way(self) -> AsyncIterator[None]:
        """Listen for the length of a ``with`` block."""
        task = asyncio.create_task(self._follow_books())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _follow_books(self) -> NoReturn:
        try:
            while True:
                try:
                    accounts = await asyncio.to_thread(self._accounts)
                except TradesyncError as error:
                    self._say("", f"no other accounts are listened for than before: {error}")
                else:
                    await self._match(accounts)
                await asyncio.sleep(self.pauses.books)
        finally:
            await self._end(list(self._kept))

    def _accounts(self) -> list[Account]:
        see_only(None)  # in this thread's own context
        return [one for one in self.wiring.store.accounts() if one.broker == self.updates.BROKER]

    async def _match(self, accounts: Sequence[Account]) -> None:
        """Listen for these accounts, as far as they are not too many, and no others."""
        most = self.wiring.settings.order_updates_most
        over = len(accounts) - most
        limit = f"not listened for, beyond TRADESYNC_ORDER_UPDATES_MOST: {over} account(s)"
        self._say("", limit if over > 0 else "")
        wanted = {_made_of(account): account for account in accounts[:most]}
        await self._end([one for one, task in self._kept.items() if task.done()])
        await self._end([one for one in self._kept if one not in wanted])
        for one, account in wanted.items():
            if one not in self._kept:
                self._kept[one] = asyncio.create_task(self._keep(account))

    async def _end(self, ended: Sequence[tuple[str, ...]]) -> None:
        tasks = [self._kept.pop(one) for one in ended]
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for (key, *_), result in zip(ended, results, strict=True):
            self._said.pop(key, None)
            if not isinstance(result, asyncio.CancelledError):
                self._say(key, f"listening failed ({type(result).__name__}); it begins anew")

    async def _keep(self, account: Account) -> NoReturn:
        """Listen for one account, again and again."""
        see_only(account.organization_id)  # in this task's own context
        time, failures = asyncio.get_running_loop().time, 0

        def opened() -> None:
            self._say(account.key, "")
            self.look_at(account.key)

        while True:
            begun = time()
            try:
                await self.updates.follow(account, opened, lambda: self.look_at(account.key))
            except (SessionExpiredError, ConfigurationError) as error:
                said, pause = str(error), self.pauses.ended
            except BrokerError as error:
                lasted = time() - begun >= self.pauses.settled
                failures = 1 if lasted else min(failures + 1, _MOST_FAILURES)
                least, longest = self.pauses.least, self.pauses.longest
                said, pause = str(error), least + full_jitter(self._rng, least, failures, longest)
            self._say(account.key, said)
            await asyncio.sleep(pause)

    def _say(self, key: str, sentence: str) -> None:
        """Log what is wrong with an account's updates, or with all, if it is news, or its end."""
        before, self._said[key] = self._said.get(key, ""), sentence
        if sentence and sentence != before:
            _log.warning("updates of %s: %s", key or "orders", sentence, extra={"account": key})
        elif before and not sentence:
            _log.info("updates of %s are heard again", key or "orders", extra={"account": key})


def _made_of(account: Account) -> tuple[str, ...]:
    credentials = (account.credentials.get(name, "") for name in KiteUpdates.CREDENTIALS)
    return (account.key, account.base_url, *credentials)
