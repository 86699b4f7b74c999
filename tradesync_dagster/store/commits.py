"""Whether anything was written to the books since somebody last looked.

What belongs here: asking the database for its own mark of the last commit, which costs one small
statement however large the books are. What does not: what is kept as long as the mark stays
(``api.pages``).
"""

from threading import Lock
from typing import Any

from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DBAPIError

from tradesync_dagster.store.engine import READ_ONLY
from tradesync_dagster.store.troubles import refused


class Commits:
    """Gives a mark that is another one after every commit, whoever made it.

    PostgreSQL's snapshot names the transactions that are over, and SQLite counts the commits of all
    other connections; the one that asks therefore never writes, and stays open.
    """

    def __init__(self, engine: Engine) -> None:
        """Ask nothing yet.

        Args:
            engine: The books'; its end closes what is open here.
        """
        self._engine = engine
        self._lock = Lock()
        self._watching: Any = None
        event.listen(engine, "engine_disposed", self._close)

    def mark(self) -> str:
        """Return the mark; while it stays, every read gives what it gave before.

        It may change without a change that anybody sees, such as by another database of the same
        server.

        Raises:
            ConfigurationError: The books cannot be read; it says why.
            StoreAwayError: Their server is away.
        """
        if self._engine.dialect.name == "postgresql":
            try:
                with self._engine.connect().execution_options(**READ_ONLY) as connection:
                    snapshot = connection.execute(text("SELECT pg_current_snapshot()"))
                    return str(snapshot.scalar_one())
            except DBAPIError as error:
                raise refused(error, "read") from None
        with self._lock:
            if self._watching is None:
                self._watching = self._engine.raw_connection()
                self._watching.detach()
            cursor = self._watching.cursor()
            (count,) = cursor.execute("PRAGMA data_version").fetchone()
            cursor.close()
        return str(count)

    def _close(self, _engine: Engine) -> None:
        with self._lock:
            if self._watching is not None:
                self._watching.close()
                self._watching = None
