"""Brokers by name.

What belongs here: which adapter serves which broker. What does not: what an adapter does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol

from tradesync_dagster.brokers.autotrader import AutoTraderClient
from tradesync_dagster.brokers.calls import Answer, Call, Sender
from tradesync_dagster.brokers.kotak import KotakClient
from tradesync_dagster.brokers.paper import PaperClient
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.brokers.upstox import UpstoxClient
from tradesync_dagster.brokers.upstox_login import UpstoxLogin
from tradesync_dagster.brokers.zerodha import ZerodhaClient
from tradesync_dagster.brokers.zerodha_login import ZerodhaLogin
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import ConfigurationError, UnknownBrokerError
from tradesync_dagster.domain.ports import BrokerClient, Clock
from tradesync_dagster.domain.results import ResponseTime


class Adapter(Protocol):
    """A broker's client class.

    Attributes:
        CREDENTIALS: What an account must have for it, by name, in the order in which it is asked.
    """

    @property
    def CREDENTIALS(self) -> tuple[str, ...]:  # noqa: N802, D102 - a class's constant
        ...

    def __call__(self, account: Account, transport: Sender, clock: Clock) -> BrokerClient:
        """Make the client of an account; see ``BrokerFactory.client``."""
        ...


class Login(Protocol):
    """One login of one account."""

    @property
    def page(self) -> str:
        """Where a person logs in; the broker then redirects to an address with the token."""
        ...

    async def exchange(self, token: str) -> Mapping[str, str]:
        """Give the page's token for an ``access_token``; the broker's ``user_id`` comes with it."""
        ...


class LoginKind(Protocol):
    """A broker's login class.

    Attributes:
        CREDENTIALS: What an account must have for it, by name, in the order in which it is asked.
        TOKEN: What the page's redirect calls its token.
    """

    @property
    def CREDENTIALS(self) -> tuple[str, ...]:  # noqa: N802, D102 - a class's constant
        ...

    @property
    def TOKEN(self) -> str:  # noqa: N802, D102 - a class's constant
        ...

    def __call__(self, account: Account, transport: Transport, state: str) -> Login:
        """Begin a login; ``state`` comes back in the redirect where the broker repeats it."""
        ...


ADAPTERS: Mapping[str, Adapter] = MappingProxyType(
    {
        "AUTOTRADER": AutoTraderClient,
        "KOTAK": KotakClient,
        "PAPER": PaperClient,
        "UPSTOX": UpstoxClient,
        "ZERODHA": ZerodhaClient,
    }
)
"""One line a broker."""
LOGINS: Mapping[str, LoginKind] = MappingProxyType(
    {
        "UPSTOX": UpstoxLogin,
        "ZERODHA": ZerodhaLogin,
    }
)
"""One line a broker that a person logs in at by a page; at others, ``accounts add`` is all."""
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Knowing:
    """Sends one client's calls, and says of each answer what of its kind is in the books."""

    sender: Sender
    known: Mapping[str, str]

    async def request(self, call: Call) -> Answer:
        answer = await self.sender.request(call)
        return replace(answer, known=self.known.get(call.endpoint, ""))


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

    def client(self, account: Account, known: Mapping[str, str] = _NOTHING) -> BrokerClient:
        """Return the account's client.

        Args:
            account: An account with its credentials.
            known: Hashes of its answers that need not be read again, by kind.

        Returns:
            The client of its broker.

        Raises:
            UnknownBrokerError: No adapter has that name.
            ConfigurationError: The account lacks something that the adapter needs.
        """
        adapter = ADAPTERS.get(account.broker)
        if adapter is None:
            names = ", ".join(sorted(ADAPTERS))
            raise UnknownBrokerError(
                f"{account.key}: no adapter for broker {account.broker!r}; known are: {names}"
            )
        sender = _Knowing(self._transport, known) if known else self._transport
        return adapter(account, sender, self._clock)

    def login(self, account: Account, state: str) -> Login:
        """Begin a login of an account.

        Args:
            account: An account with what the login needs.
            state: A word that nobody can guess, to know the redirect again by.

        Returns:
            The login at its broker.

        Raises:
            ConfigurationError: The broker has none here, or the account lacks something.
        """
        kind = LOGINS.get(account.broker)
        if kind is None:
            raise ConfigurationError(
                f"{account.key}: no login at {account.broker} from here; log in there and give "
                "what it hands out with `tradesync accounts add`"
            )
        return kind(account, self._transport, state)

    def response_times(self) -> tuple[ResponseTime, ...]:
        """Tell how the brokers answered so far."""
        return tuple(self._transport.timings())

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()
