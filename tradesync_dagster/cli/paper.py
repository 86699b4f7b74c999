"""Paper accounts, from the desk's side: opening one, and whether their exchange must be started.

What belongs here: what ``accounts add`` and ``run`` do for them. What does not: the call that opens
one (``brokers.paper``), serving the exchange (``exchange``).
"""

import asyncio
import sys
from collections.abc import Iterable
from dataclasses import replace

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.brokers.paper import Opened, PaperClient, open_account
from tradesync_dagster.brokers.transport import Transport, TransportPolicy
from tradesync_dagster.cli.processes import answers
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import BrokerUnavailableError, ConfigurationError
from tradesync_dagster.domain.money import format_price, parse_price
from tradesync_dagster.settings import Settings

BROKER = PaperClient.SPEAKER.broker
CASH = "1000000"
"""Rupees that a paper account begins with."""
COMMAND = [sys.executable, "-m", "tradesync_dagster.cli", "exchange", "paper"]


def opened(services: Services, account: Account, cash: str) -> tuple[Account, Opened]:
    """Open an account at its exchange, or find it open.

    Args:
        services: With the settings that say where the exchange is, unless the account does.
        account: The account.
        cash: What was asked for on the command line; empty for the usual.

    Returns:
        The account with its address and credentials, and what the exchange told of it.

    Raises:
        ConfigurationError: The cash is no amount, or no exchange answers.
        BrokerError: The exchange refused.
    """
    placed = replace(account, base_url=account.base_url or services.settings.paper_url)
    if parse_price(cash or CASH, "--cash") <= 0:
        raise ConfigurationError("--cash is an amount above zero, such as 1000000")
    amount = format_price(parse_price(cash or CASH, "--cash"))
    try:
        found = asyncio.run(_open(services, placed, amount))
    except BrokerUnavailableError as error:
        raise ConfigurationError(
            f"{error}; no exchange answers at {placed.base_url}: start it with "
            "`tradesync exchange paper`"
        ) from None
    return replace(placed, credentials=found.credentials), found


async def _open(services: Services, account: Account, cash: str) -> Opened:
    transport = Transport(services.clock, TransportPolicy(timeout_seconds=10, retry_attempts=0))
    try:
        return await open_account(transport, account, cash)
    finally:
        await transport.close()


def port_to_serve(settings: Settings, accounts: Iterable[Account]) -> int | None:
    """Tell where the exchange of paper accounts must be started, if it must.

    Args:
        settings: Where it is.
        accounts: Those that syncs include.

    Returns:
        Its port, when an account is there, it is on this machine, and nothing answers.
    """
    port = settings.paper_port
    there = any(one.broker == BROKER and one.base_url == settings.paper_url for one in accounts)
    return port if port is not None and there and not answers(port, "/sim/health") else None
