"""Books under a process that may end before a transaction is committed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.market_client import KilledError


class CrashingStore:
    """The books, whose next transactions may end with the process before they are committed."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self.crashes = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def begin(self, account_ids: list[int]) -> Iterator[Any]:
        with self._store.begin(account_ids) as work:
            yield work
            if self.crashes:
                raise KilledError
