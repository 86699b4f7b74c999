"""The store: transactions over the books, with one writer an account.

What belongs here: beginning and ending transactions, leases. What does not: queries (one repository
a concept).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, TypeVar

from cryptography.fernet import Fernet, MultiFernet
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, StatementError

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import StoreError
from tradesync_dagster.domain.publications import OutboxMessage, Published, Snapshot
from tradesync_dagster.domain.spikes import Activity
from tradesync_dagster.store import scope
from tradesync_dagster.store.accounts import Accounts, Elsewhere, nowhere
from tradesync_dagster.store.attribution import Attributions
from tradesync_dagster.store.books import BookKeeping
from tradesync_dagster.store.clearing import Kept, clear
from tradesync_dagster.store.commits import Commits
from tradesync_dagster.store.engine import READ_ONLY, sweep
from tradesync_dagster.store.evidence import Evidence
from tradesync_dagster.store.facts import RecordedFacts
from tradesync_dagster.store.fake_orders import FakeOrders
from tradesync_dagster.store.fills import Fills
from tradesync_dagster.store.mandates import Mandates
from tradesync_dagster.store.orders import Orders
from tradesync_dagster.store.outbox import Outbox
from tradesync_dagster.store.preferences import Preferences
from tradesync_dagster.store.queries import Queries
from tradesync_dagster.store.retries import Retries
from tradesync_dagster.store.sending import alone
from tradesync_dagster.store.tasks import Tasks
from tradesync_dagster.store.ticks import Ticks
from tradesync_dagster.store.trading import Trading
from tradesync_dagster.store.troubles import refused, tried_again

_LEASES = 0x7453
"""First key of tradesync's advisory locks; the second is the account's id."""

_Result = TypeVar("_Result")


class SqlUnitOfWork(
    Orders, Fills, RecordedFacts, BookKeeping, Evidence, Outbox, Attributions, FakeOrders, Trading,
    Retries, Preferences, Tasks, Mandates,
):  # fmt: skip
    """One transaction over all repositories."""


class SqlStore:
    """The books in SQLite or PostgreSQL."""

    def __init__(self, engine: Engine, cipher: MultiFernet, elsewhere: Elsewhere = nowhere) -> None:
        """Keep the engine.

        Args:
            engine: From ``open_engine``.
            cipher: Opens and closes the accounts' credentials.
            elsewhere: Credentials that stand before the stored ones.
        """
        self.engine = engine
        self.commits = Commits(engine)
        self._cipher = cipher
        self._elsewhere = elsewhere

    @contextmanager
    def begin(self, account_ids: Sequence[int]) -> Iterator[SqlUnitOfWork]:
        """Open a transaction with the accounts' lease.

        The lease lasts as long as the transaction: SQLite's write lock, or an advisory lock an
        account in PostgreSQL, taken in one order by everyone so that two never wait in a ring.

        Args:
            account_ids: The accounts that will be written.

        Yields:
            The unit of work; committed at the end, undone on an error.
        """
        with self.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(
                    text(
                        "SELECT pg_advisory_xact_lock(:leases, account_id) FROM "
                        "(SELECT unnest(CAST(:ids AS int[])) AS account_id ORDER BY 1) AS wanted"
                    ),
                    {"leases": _LEASES, "ids": sorted(account_ids)},
                )
            yield SqlUnitOfWork(connection)

    def transact(
        self,
        account_ids: Sequence[int],
        work: Callable[[SqlUnitOfWork], _Result],
        *,
        patient: bool = True,
    ) -> _Result:
        """See ``ports.Store``."""

        def attempt() -> _Result:
            with self.begin(account_ids) as unit:
                return work(unit)

        return tried_again(attempt) if patient else attempt()

    def _write(self, work: Callable[[Connection], _Result]) -> _Result:
        """Write what may be written twice, without any account's lease."""

        def attempt() -> _Result:
            with self.writing() as connection:
                return work(connection)

        return tried_again(attempt)

    def _read(self, work: Callable[[Connection], _Result]) -> _Result:
        def attempt() -> _Result:
            with self.reading() as connection:
                return work(connection)

        return tried_again(attempt)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction, without any account's lease.

        Yields:
            A connection; committed at the end, undone on an error.

        Raises:
            StoreError: The database refused; the text names the statement's table, not its values.
            StoreBusyError: Another transaction came between; nothing of this one was kept.
            ConfigurationError: The books cannot be written; it says why.
        """
        try:
            with self.engine.begin() as connection:
                scope.apply(connection)
                yield connection
        except DBAPIError as error:
            raise refused(error, "written") from None
        except StatementError as error:  # a value refused before it was sent; its text has the row
            raise StoreError(f"the books cannot hold a value: {error.orig}") from None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that only reads.

        Yields:
            A connection.

        Raises:
            ConfigurationError: The books cannot be read; it says why.
        """
        try:
            with self.engine.connect().execution_options(**READ_ONLY) as connection:
                scope.apply(connection)
                yield connection
        except DBAPIError as error:
            raise refused(error, "read") from None

    @contextmanager
    def look(self) -> Iterator[SqlUnitOfWork]:
        """See ``ports.Store``."""
        with self.reading() as connection:
            yield SqlUnitOfWork(connection)

    def accounts(self, *, enabled_only: bool = True, as_stored: bool = False) -> list[Account]:
        """See ``ports.Store``; ``as_stored`` gives stored credentials only, such as to add some."""
        elsewhere = nowhere if as_stored else self._elsewhere
        return self._read(
            lambda connection: Accounts(connection).listed(
                self._cipher, enabled_only=enabled_only, elsewhere=elsewhere
            )
        )

    def account(self, key: str) -> Account | None:
        """Read one enabled account, opening no other's credentials; ``None`` if there is none."""
        found = self._read(
            lambda connection: Accounts(connection).listed(
                self._cipher, enabled_only=True, elsewhere=self._elsewhere, key=key
            )
        )
        return found[0] if found else None

    def put_accounts(self, accounts: Sequence[Account]) -> None:
        """Insert accounts, or bring those with the same key up to date.

        Args:
            accounts: Their ``account_id`` is ignored.
        """
        with self.writing() as connection:
            for account in accounts:
                Accounts(connection).put(account, self._cipher)

    def put_credentials(self, key: str, changes: Mapping[str, str]) -> None:
        """Add to an account's stored credentials; see ``Accounts.put_credentials``."""
        with self.writing() as connection:
            Accounts(connection).put_credentials(key, changes, self._cipher)

    def rotate_credentials(self, newest: Fernet) -> int:
        """Close all credentials with the newest key, and leave no trace of how they were closed.

        Returns:
            How many were closed with an older key.

        Raises:
            ConfigurationError: They cannot be opened, or traces stay since others use the file.
        """
        with self.writing() as connection:
            done = Accounts(connection).rotate(self._cipher, newest)
        sweep(self.engine)
        return done

    def disable(self, key: str) -> None:
        """Leave an account out of syncs; see ``Accounts.change``."""
        with self.writing() as connection:
            Accounts(connection).change(key, enabled=False)

    def enable(self, key: str, at: datetime) -> None:
        """Include an account in syncs again; it owes no task of the time that it was left out.

        Args:
            key: ``ORG/ACCOUNT``.
            at: The present, UTC.

        Raises:
            AccountNotFoundError: There is no such account.
        """
        with self.writing() as connection:
            account_id = Accounts(connection).enable(key)
            if account_id is not None:
                Tasks(connection).begin_anew(account_id, at)

    def set_live(self, key: str, *, live: bool) -> None:
        """Let orders out to an account's broker, or no longer; see ``Accounts.change``."""
        with self.writing() as connection:
            Accounts(connection).change(key, live=live)

    def unpublished(self, account_ids: Sequence[int] | None) -> list[Snapshot]:
        """See ``ports.Store``."""
        return self._read(lambda connection: Outbox(connection).unpublished(account_ids))

    def published(self, account_ids: Sequence[int]) -> list[Published]:
        """See ``ports.Store``."""
        return self._read(lambda connection: Outbox(connection).published(account_ids))

    def mark_published(self, snapshots: Sequence[Snapshot]) -> None:
        """See ``ports.Store``."""
        self._write(lambda connection: Outbox(connection).mark_published(snapshots))

    def put_tick(self, row: Mapping[str, Any]) -> None:
        """See ``ports.Store``."""
        self._write(lambda connection: Ticks(connection).put(row))

    def clear(self, kept: Kept) -> dict[str, int]:
        """Delete what is older than it is kept, by table; see ``clearing``."""
        return clear(self._write, kept)

    def update_messages(self, bodies: Mapping[str, bytes]) -> None:
        """See ``ports.Store``."""
        self._write(lambda connection: Outbox(connection).update_messages(bodies))

    @contextmanager
    def sending(self, patience: float = 30.0) -> Iterator[bool]:
        """See ``ports.Store``."""
        with self.reading() as connection, alone(connection, patience) as held:
            yield held

    def pending_messages(self, limit: int, exchange: str | None = None) -> list[OutboxMessage]:
        """See ``ports.Store``."""
        return self._read(lambda connection: Outbox(connection).pending(limit, exchange))

    def last_sent(self, exchange: str) -> datetime | None:
        """See ``ports.Store``."""
        return self._read(lambda connection: Outbox(connection).last_sent(exchange))

    def activities(self, since: date, lately: datetime, minimum: int) -> list[Activity]:
        """See ``ports.Store``."""
        return self._read(lambda connection: Queries(connection).activities(since, lately, minimum))

    def mark_sent(self, message_ids: Sequence[str], at: datetime) -> None:
        """See ``ports.Store``."""
        self._write(lambda connection: Outbox(connection).mark_sent(message_ids, at))
