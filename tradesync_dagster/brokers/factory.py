"""Brokers by name.

What belongs here: which adapter serves which broker. What does not: what an adapter does.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.brokers.upstox import UpstoxClient
from tradesync_dagster.brokers.zerodha import ZerodhaClient
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import UnknownBrokerError
from tradesync_dagster.domain.ports import BrokerClient, Clock

ADAPTERS: Mapping[str, Callable[[Account, Transport, Clock], BrokerClient]] = MappingProxyType(
    {
        "UPSTOX": UpstoxClient,
        "ZERODHA": ZerodhaClient,
    }
)
"""One line a broker."""


class BrokerFactory:
    """Hands out clients over one transport."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        """Keep what all clients share.

        Args:
            transport: Closed with the factory.
            clock: The time.
        """
        self._transport = transport
        self._clock = clock

    def client(self, account: Account) -> BrokerClient:
        """Return the account's client.

        Args:
            account: An account with its credentials.

        Returns:
            The client of its broker.

        Raises:
            UnknownBrokerError: No adapter has that name.
            ConfigurationError: The account lacks something that the adapter needs.
        """
        adapter = ADAPTERS.get(account.broker)
        if adapter is None:
            known = ", ".join(sorted(ADAPTERS))
            raise UnknownBrokerError(
                f"{account.key}: no adapter for broker {account.broker!r}; known are: {known}"
            )
        return adapter(account, self._transport, self._clock)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()
