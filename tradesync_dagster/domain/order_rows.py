"""What a transaction offers to orders: the ledger, its events, and our sendings.

What belongs here: the Protocol. What does not: what changes an order (``order_progress``,
``placements``), SQL (``store.orders``).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

import pandas as pd

from tradesync_dagster.domain.orders import Intent, Order, OrderEvent, OrderStatus


class OrderRows(Protocol):
    """Orders, their events, and our placements."""

    def orders(
        self, account_ids: Sequence[int], since: date, named: Collection[str] | None = None
    ) -> list[Order]:
        """Read the orders registered on ``since`` or later; by brokers' ids only those named."""
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

    def order(self, account_id: int, order_id: UUID) -> Order | None:
        """Read one order of an account; ``None`` where it has none of that id."""
        ...

    def absorb(self, absorbed: Mapping[UUID, UUID]) -> None:
        """Take candidates out, and give what happened to them to the orders that they are."""
        ...

    def note_checks(self, checked: Mapping[int, tuple[date, datetime]]) -> None:
        """Note that a complete book of a day showed the account's open orders, changed or not.

        Args:
            checked: Its day and when it was asked for, by account.
        """
        ...

    def watched(self, account_ids: Sequence[int]) -> set[int]:
        """Name the accounts with orders of any day that their brokers may be working."""
        ...

    def standing(self, account_ids: Sequence[int], statuses: Iterable[OrderStatus]) -> list[Order]:
        """Read the orders of any day that have one of some statuses."""
        ...

    def unended(self, account_ids: Sequence[int], until: date) -> list[Order]:
        """Read the orders registered on ``until`` or before that brokers may be working."""
        ...

    def filled(self, account_ids: Sequence[int], since: date) -> dict[tuple[int, str], int]:
        """Read how far orders are filled, by account and the broker's id.

        Of those registered on ``since`` or later, and of earlier ones that may still be working.
        """
        ...

    def events_of(self, order_ids: Sequence[UUID]) -> list[OrderEvent]:
        """Read what happened to some orders, oldest first."""
        ...

    def assignments(self, account_ids: Sequence[int]) -> pd.DataFrame:
        """Read which strategies own which orders.

        Returns:
            ``owned_fills.OWNER_COLUMNS``; an id that nobody ever owned an order of is left out.
        """
        ...
