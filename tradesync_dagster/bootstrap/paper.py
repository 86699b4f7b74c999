"""Opening paper accounts at their exchange, and an account's paper twin.

What belongs here: where that exchange is, with how much cash an account begins, finding or opening
a twin, and switching to it and back. What does not: the call that opens an account
(``brokers.paper``), when an account may be switched (``sync.twins``).
"""

import asyncio
from dataclasses import dataclass, replace
from enum import StrEnum

from tradesync_dagster.bootstrap.audit import AuditLog
from tradesync_dagster.bootstrap.reading import Reading
from tradesync_dagster.bootstrap.trading import Trading
from tradesync_dagster.bootstrap.wiring import Wiring
from tradesync_dagster.brokers.calls import TransportPolicy
from tradesync_dagster.brokers.paper import Opened, PaperClient, open_account
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import (
    BrokerUnavailableError,
    ConfigurationError,
    PlacementRefusedError,
)
from tradesync_dagster.domain.money import format_price, parse_price
from tradesync_dagster.domain.order_requests import plain
from tradesync_dagster.domain.twins import LIVE, PAPER, SUFFIX

BROKER = PaperClient.SPEAKER.broker
CASH = "1000000"
"""Rupees that a paper account begins with."""
_LONGEST = 64 - len(SUFFIX)


class Through(StrEnum):
    """Where an account's new orders go."""

    LIVE = LIVE
    PAPER = PAPER


@dataclass(frozen=True, slots=True)
class Traded:
    """Where an account's new orders go.

    Attributes:
        books: The account that they go to: itself, or its paper twin.
        opened: What the twin began with, where it was opened just now.
    """

    books: Account
    opened: Opened | None = None


@dataclass(frozen=True, slots=True)
class Twins:
    """Real accounts, each with a paper account that it may trade through."""

    reading: Reading

    def books(self, account: str) -> Account:
        """Return the account that an account's new orders go to: itself, or its twin."""
        (chosen,) = self.reading.chosen(account)
        return self.reading.trades_through(chosen)

    def trade_logged(self, account: str, through: Through, who: str) -> Traded:
        """Do as ``trade`` does, with an entry in the audit log, also where it is refused."""
        log = AuditLog(self.reading.store, self.reading.clock)
        organization = account.partition("/")[0]
        with log.around(who, f"trade through {through}", organization, account):
            return self.trade(account, through, who)

    def trade(self, account: str, through: Through, who: str) -> Traded:
        """Let an account's new orders go to its broker, or to its paper twin.

        The twin is opened when it is first needed.

        Args:
            account: ``ORG/ACCOUNT``.
            through: Which of the two.
            who: Who does it.

        Returns:
            Where they go now.

        Raises:
            PlacementRefusedError: Orders of ours are open or wait to be tried again, it is a paper
                account, its twin's name cannot be used, or nobody is named.
            ConfigurationError: The twin cannot be opened at its exchange.
        """
        (chosen,) = self.reading.chosen(account)
        found = None
        if through is Through.PAPER or self.reading.trades_through(chosen) != chosen:
            plain("who", who)
            twin, found = self._twin(chosen)
            Trading(self.reading).switch(account, twin.key, through, who)
        return Traded(self.reading.trades_through(chosen), found)

    def _twin(self, account: Account) -> tuple[Account, Opened | None]:
        """Find an account's twin, or open it."""
        if account.broker == BROKER:
            raise PlacementRefusedError(f"{account.key} is a paper account: it trades nowhere else")
        name = account.pseudo_account + SUFFIX
        if len(account.pseudo_account) > _LONGEST:
            raise PlacementRefusedError(f"{name!r} is too long to name the paper account")
        wanted = Account(0, account.organization_id, name, BROKER)
        for one in self.reading.store.accounts(enabled_only=False):
            if one.key == wanted.key:
                if one.broker != BROKER:
                    raise PlacementRefusedError(
                        f"{one.key} is an account at {one.broker}, so no twin"
                    )
                return one, None
        made, found = opened(self.reading, wanted, "")
        self.reading.store.put_accounts([made])
        return made, found


def opened(wiring: Wiring, account: Account, cash: str) -> tuple[Account, Opened]:
    """Open an account at its exchange, or find it open.

    Args:
        wiring: With the settings that say where the exchange is, unless the account does.
        account: The account.
        cash: What was asked for on the command line; empty for the usual.

    Returns:
        The account with its address and credentials, and what the exchange told of it.

    Raises:
        ConfigurationError: The cash is no amount, or no exchange answers.
        BrokerError: The exchange refused.
    """
    placed = replace(account, base_url=account.base_url or wiring.settings.paper_url)
    amount = parse_price(cash or CASH, "--cash")
    if amount <= 0:
        raise ConfigurationError("--cash is an amount above zero, such as 1000000")
    try:
        found = asyncio.run(_open(wiring, placed, format_price(amount)))
    except BrokerUnavailableError as error:
        raise ConfigurationError(
            f"{error}; no exchange answers at {placed.base_url}: start it with "
            "`tradesync exchange paper`"
        ) from None
    return replace(placed, credentials=found.credentials), found


async def _open(wiring: Wiring, account: Account, cash: str) -> Opened:
    transport = Transport(wiring.clock, TransportPolicy(timeout_seconds=10, retry_attempts=0))
    try:
        return await open_account(transport, account, cash)
    finally:
        await transport.close()
