"""The store: transactions over the books, with one writer an account.

What belongs here: beginning and ending transactions, leases. What does not: queries (one repository
a concept).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime

from cryptography.fernet import Fernet, MultiFernet
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError, StatementError

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import ConfigurationError, StoreError
from tradesync_dagster.domain.publications import OutboxMessage, Snapshot
from tradesync_dagster.domain.spikes import Activity
from tradesync_dagster.store.accounts import Accounts, Elsewhere, nowhere
from tradesync_dagster.store.attribution import Attributions
from tradesync_dagster.store.books import BookKeeping
from tradesync_dagster.store.engine import READ_ONLY, sweep
from tradesync_dagster.store.evidence import Evidence
from tradesync_dagster.store.facts import RecordedFacts
from tradesync_dagster.store.fills import Fills
from tradesync_dagster.store.orders import Orders
from tradesync_dagster.store.outbox import Outbox
from tradesync_dagster.store.queries import Queries

_LEASES = 0x7453
"""First key of tradesync's advisory locks; the second is the account's id."""


def _cause(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]


class SqlUnitOfWork(Orders, Fills, RecordedFacts, BookKeeping, Evidence, Outbox, Attributions):
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

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction, without any account's lease.

        Yields:
            A connection; committed at the end, undone on an error.

        Raises:
            StoreError: The database refused; the text names the statement's table, not its values.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except OperationalError as error:
            raise ConfigurationError(f"the books cannot be written: {_cause(error)}") from None
        except DBAPIError as error:
            raise StoreError(f"the books refused what was written: {_cause(error)}") from error
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
                yield connection
        except DBAPIError as error:
            raise ConfigurationError(f"the books cannot be read: {_cause(error)}") from None

    @contextmanager
    def look(self) -> Iterator[SqlUnitOfWork]:
        """See ``ports.Store``."""
        with self.reading() as connection:
            yield SqlUnitOfWork(connection)

    def accounts(self, *, enabled_only: bool = True, as_stored: bool = False) -> list[Account]:
        """See ``ports.Store``; ``as_stored`` gives stored credentials only, such as to add some."""
        elsewhere = nowhere if as_stored else self._elsewhere
        with self.reading() as connection:
            return Accounts(connection).listed(
                self._cipher, enabled_only=enabled_only, elsewhere=elsewhere
            )

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

    def set_enabled(self, key: str, *, enabled: bool) -> None:
        """Switch an account's syncs on or off; see ``Accounts.set_enabled``."""
        with self.writing() as connection:
            Accounts(connection).set_enabled(key, enabled=enabled)

    def unpublished(self, account_ids: Sequence[int] | None) -> list[Snapshot]:
        """See ``ports.Store``."""
        with self.reading() as connection:
            return Outbox(connection).unpublished(account_ids)

    def mark_published(self, snapshots: Sequence[Snapshot]) -> None:
        """See ``ports.Store``."""
        with self.writing() as connection:
            Outbox(connection).mark_published(snapshots)

    def update_messages(self, bodies: Mapping[str, bytes]) -> None:
        """See ``ports.Store``."""
        with self.writing() as connection:
            Outbox(connection).update_messages(bodies)

    def pending_messages(self, limit: int, exchange: str | None = None) -> list[OutboxMessage]:
        """See ``ports.Store``."""
        with self.reading() as connection:
            return Outbox(connection).pending(limit, exchange)

    def activities(self, since: date, lately: datetime, minimum: int) -> list[Activity]:
        """See ``ports.Store``."""
        with self.reading() as connection:
            return Queries(connection).activities(since, lately, minimum)

    def mark_sent(self, message_ids: Sequence[str], at: datetime) -> None:
        """See ``ports.Store``."""
        with self.writing() as connection:
            Outbox(connection).mark_sent(message_ids, at)
