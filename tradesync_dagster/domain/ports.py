"""What the use-cases ask of the outside: Protocols.

What belongs here: the narrow doors to clock, brokers, store and publishers. What does not:
anything that opens a connection; what a transaction over the books offers (``unit_of_work``).
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from typing import Any, Protocol, TypeVar

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import (
    BrokerHolding,
    BrokerPosition,
    Fetch,
    Margin,
    OrderRequest,
)
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import BrokerOrder
from tradesync_dagster.domain.publications import OutboxMessage, Published, Snapshot, Told
from tradesync_dagster.domain.spikes import Activity
from tradesync_dagster.domain.unit_of_work import UnitOfWork

_Result = TypeVar("_Result")


class Clock(Protocol):
    """The time, passed in so that tests and replays own it."""

    def now(self) -> datetime:
        """Return the present, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking the loop."""
        ...


class BrokerClient(Protocol):
    """One account at its broker.

    Reads return a ``Fetch`` and never raise for what a broker does. Writes raise ``BrokerError``.
    """

    async def profile(self) -> Mapping[str, str]:
        """Check the session; return the broker's user id and name."""
        ...

    async def orders(self) -> Fetch[BrokerOrder]:
        """Fetch the day's order book."""
        ...

    async def trades(self) -> Fetch[Fill]:
        """Fetch the day's trades."""
        ...

    async def positions(self) -> Fetch[BrokerPosition]:
        """Fetch the broker's positions."""
        ...

    async def holdings(self) -> Fetch[BrokerHolding]:
        """Fetch the broker's holdings."""
        ...

    async def margins(self) -> Fetch[Margin]:
        """Fetch what the account may still use, by segment."""
        ...

    async def place(self, request: OrderRequest) -> str:
        """Place an order once, never again by itself; return the broker's order id."""
        ...

    async def modify(self, broker_order_id: str, changes: Mapping[str, str], variety: str) -> str:
        """Change an open order; return the broker's order id."""
        ...

    async def cancel(self, broker_order_id: str, variety: str) -> str:
        """Cancel an open order; return the broker's order id."""
        ...


class Brokers(Protocol):
    """Hands out an account's client; all clients share one set of connections."""

    def client(self, account: Account, known: Mapping[str, str] = ...) -> BrokerClient:
        """Return the account's client.

        Args:
            account: With its credentials.
            known: Hashes of its answers that need not be read again, by kind.

        Raises:
            UnknownBrokerError: No adapter has the account's broker.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class SnapshotPublisher(Protocol):
    """Where front ends read the snapshots."""

    def publish(self, snapshots: Sequence[Snapshot]) -> None:
        """Write all snapshots, keeping any that is already newer.

        Raises:
            ConfigurationError: The server cannot be reached or refuses; it says which and why.
        """
        ...

    def held(self, keys: Sequence[str]) -> Mapping[str, int]:
        """Tell which version of each account's snapshot front ends find; none where they find none.

        Raises:
            ConfigurationError: The server cannot be reached or refuses; it says which and why.
        """
        ...


class MessagePublisher(Protocol):
    """Where notifications go."""

    def publish(self, messages: Sequence[OutboxMessage]) -> Sequence[str]:
        """Send the messages in order.

        Returns:
            The message ids that the broker confirmed, a prefix of those given.

        Raises:
            ConfigurationError: Nothing could be sent; it says why.
        """
        ...


class People(Protocol):
    """Those who are told of alerts, by their addresses."""

    def tell(self, waiting: Sequence[Sequence[OutboxMessage]]) -> Told:
        """Send each address what waits for it; never raises, and ends within a bounded time.

        Args:
            waiting: By address, in the order in which the addresses are configured; oldest first.

        Returns:
            What was taken, and what was not and why.
        """
        ...

    @property
    def pause(self) -> timedelta:
        """Least time between two notes about orders to one address."""
        ...

    def __len__(self) -> int:
        """Return how many addresses there are."""
        ...


class Store(Protocol):
    """The books."""

    def begin(self, account_ids: Sequence[int]) -> AbstractContextManager[UnitOfWork]:
        """Open a transaction with the accounts' lease; commit at its end, or undo on an error."""
        ...

    def transact(
        self,
        account_ids: Sequence[int],
        work: Callable[[UnitOfWork], _Result],
        *,
        patient: bool = True,
    ) -> _Result:
        """Do work that may be repeated in such a transaction.

        Args:
            account_ids: The accounts that will be written.
            work: What to do; without other effects than the transaction's.
            patient: Whether to try again, for seconds, while the database is busy or away.

        Returns:
            What the work returned.

        Raises:
            StoreBusyError: It stayed busy; nothing was kept.
            StoreAwayError: It went away and did not come back; all was kept, or nothing.
            StoreError: It refused what was written; nothing was kept.
        """
        ...

    def look(self) -> AbstractContextManager[UnitOfWork]:
        """Open a transaction that only reads, over all accounts and without a lease."""
        ...

    def accounts(self, *, enabled_only: bool = True) -> list[Account]:
        """Read the accounts by key."""
        ...

    def put_tick(self, row: Mapping[str, Any]) -> None:
        """Keep what a tick came to: a row of ``ticks``."""
        ...

    def update_messages(self, bodies: Mapping[str, bytes]) -> None:
        """Complete the bodies of unsent notifications by message id."""
        ...

    def unpublished(self, account_ids: Sequence[int] | None) -> list[Snapshot]:
        """Read snapshots that are newer than what was published; all of the accounts' if given."""
        ...

    def published(self, account_ids: Sequence[int]) -> list[Published]:
        """Read of which of the accounts the newest snapshot was published."""
        ...

    def mark_published(self, snapshots: Sequence[Snapshot]) -> None:
        """Note the versions that the publisher took."""
        ...

    def sending(self, patience: float = ...) -> AbstractContextManager[bool]:
        """Be the only sender of messages; tell whether it is so after waiting some seconds."""
        ...

    def pending_messages(self, limit: int, exchange: str | None = None) -> list[OutboxMessage]:
        """Read unsent notifications, oldest first; without an exchange, all but people's."""
        ...

    def last_sent(self, exchange: str) -> datetime | None:
        """Tell when a message to an exchange was last taken, UTC; ``None`` for never."""
        ...

    def activities(self, since: date, lately: datetime, minimum: int) -> list[Activity]:
        """Count external orders from a day on, of accounts with that many of them lately."""
        ...

    def mark_sent(self, message_ids: Sequence[str], at: datetime) -> None:
        """Mark notifications as confirmed by the broker."""
        ...
