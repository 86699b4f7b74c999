"""What the use-cases ask of the outside: Protocols.

What belongs here: the narrow doors to clock, brokers, store and publishers. What does not:
anything that opens a connection.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import (
    BrokerHolding,
    BrokerPosition,
    Fetch,
    OrderRequest,
    Reject,
)
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import BrokerOrder, Intent, Order, OrderEvent
from tradesync_dagster.domain.publications import OutboxMessage, Snapshot


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

    def client(self, account: Account) -> BrokerClient:
        """Return the account's client.

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


@dataclass(frozen=True, slots=True)
class BookState:
    """The last applied answer of one kind for one account: what a newer one is held against.

    Attributes:
        requested_at: Of the last complete answer that was applied, UTC.
        payload_hash: Its hash; the same again means nothing to do.
    """

    account_id: int
    kind: str
    trade_date: date
    requested_at: datetime
    payload_hash: str


class UnitOfWork(Protocol):
    """One transaction over the books, holding the lease of the accounts it was begun for."""

    def states(self, account_ids: Sequence[int]) -> list[BookState]:
        """Read the last applied answers."""
        ...

    def put_states(self, states: Iterable[BookState]) -> None:
        """Insert or replace last applied answers."""
        ...

    def orders(self, account_ids: Sequence[int], since: date) -> list[Order]:
        """Read the orders registered on ``since`` or later."""
        ...

    def intents(self, account_ids: Sequence[int], since: datetime) -> list[Intent]:
        """Read our placements made at ``since`` or later."""
        ...

    def put_intents(self, intents: Iterable[Intent]) -> None:
        """Insert or update placements."""
        ...

    def put_orders(self, orders: Iterable[Order], events: Iterable[OrderEvent]) -> None:
        """Insert or update orders and add their events; a repeated event changes nothing."""
        ...

    def add_fills(self, account_fills: Iterable[tuple[int, Fill]]) -> list[tuple[int, Fill, Fill]]:
        """Insert fills that are not there yet.

        Returns:
            (account_id, stored, sent) for each known fill id that came with other content.
        """
        ...

    def fills(self, account_ids: Sequence[int]) -> list[tuple[int, Fill]]:
        """Read all fills of the accounts, by account, time and trade id."""
        ...

    def add_payloads(self, payloads: Mapping[str, bytes], at: datetime) -> None:
        """Keep raw payloads by hash."""
        ...

    def add_rejects(self, rejects: Iterable[tuple[int, str, Reject]], at: datetime) -> None:
        """Keep (account_id, kind, reject) in quarantine; the same again is only dated anew."""
        ...

    def put_breaks(self, breaks: Iterable[Break]) -> None:
        """Insert breaks, or refresh those already there."""
        ...

    def put_positions(self, account_ids: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
        """Replace the accounts' positions."""
        ...

    def put_holdings(self, account_ids: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
        """Replace the accounts' holdings."""
        ...

    def put_lots(self, account_ids: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
        """Replace the accounts' open lots."""
        ...

    def instruments(self) -> dict[tuple[str, str], tuple[int, int | None]]:
        """Read (multiplier, last price or None) by (exchange, symbol)."""
        ...

    def put_instruments(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert or update multipliers and prices."""
        ...

    def put_results(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Record the outcome of a sync for each account."""
        ...

    def put_snapshots(self, documents: Mapping[int, bytes]) -> set[int]:
        """Store changed documents with the next version; return the accounts that changed."""
        ...

    def positions(self, account_ids: Sequence[int]) -> list[dict[str, Any]]:
        """Read positions by key."""
        ...

    def holdings(self, account_ids: Sequence[int]) -> list[dict[str, Any]]:
        """Read holdings by key."""
        ...

    def failing(self, account_ids: Sequence[int]) -> set[int]:
        """Read which accounts' latest sync did not succeed."""
        ...

    def add_messages(self, messages: Iterable[OutboxMessage]) -> None:
        """Add notifications to the outbox."""
        ...


class Store(Protocol):
    """The books."""

    def begin(self, account_ids: Sequence[int]) -> AbstractContextManager[UnitOfWork]:
        """Open a transaction with the accounts' lease; commit at its end, or undo on an error."""
        ...

    def accounts(self, *, enabled_only: bool = True) -> list[Account]:
        """Read the accounts by key."""
        ...

    def update_messages(self, bodies: Mapping[str, bytes]) -> None:
        """Complete the bodies of unsent notifications by message id."""
        ...

    def unpublished(self, account_ids: Sequence[int] | None) -> list[Snapshot]:
        """Read snapshots that are newer than what was published; all of the accounts' if given."""
        ...

    def mark_published(self, snapshots: Sequence[Snapshot]) -> None:
        """Note the versions that the publisher took."""
        ...

    def pending_messages(self, limit: int) -> list[OutboxMessage]:
        """Read unsent notifications, oldest first."""
        ...

    def mark_sent(self, message_ids: Sequence[str], at: datetime) -> None:
        """Mark notifications as confirmed by the broker."""
        ...
