"""What a transaction offers to the retry queue.

What belongs here: the Protocol. What does not: what the queue does (``sync.retrying``), SQL
(``store.retries``).
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Protocol

from tradesync_dagster.domain.orders import Order
from tradesync_dagster.domain.retries import QueueEntry


class RetryRows(Protocol):
    """Orders that failed, and their places in the queue."""

    def failed_orders(
        self, account_ids: Sequence[int], since: date
    ) -> list[tuple[Order, QueueEntry | None]]:
        """Read orders of ours that failed or were rejected and may be tried again.

        Args:
            account_ids: Whose.
            since: The first day; orders that wait to be tried again are read of any day.

        Returns:
            By first failure, each with its entry as stored. Those that expired, were dropped, or
            were tried again as another order are left out.
        """
        ...

    def queue_entries(self, orders: Iterable[Order]) -> list[QueueEntry]:
        """Read the entries of some orders, as stored."""
        ...

    def put_queue_entries(self, entries: Iterable[QueueEntry]) -> None:
        """Insert or update entries."""
        ...
