"""Connections to the books' database, and whether its schema is the right one.

What belongs here: the engine for SQLite and PostgreSQL, migrations and their check. What does not:
tables and queries.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from tradesync_dagster.domain.errors import ConfigurationError, NotMigratedError
from tradesync_dagster.domain.transit import Transit
from tradesync_dagster.store.troubles import cause_of

_MIGRATIONS = Path(__file__).parent / "migrations"
READ_ONLY = {"tradesync_read_only": True}
"""Execution options of a transaction that only reads, so that SQLite need not lock for it."""


def open_engine(url: str) -> Engine:
    """Open the books' database.

    SQLite runs in WAL with full synchronisation and takes its write lock when a transaction
    begins, so that what was read is still true when it is written. PostgreSQL runs in read
    committed, and writers of one account wait for one another by advisory lock.

    Args:
        url: ``sqlite:///FILE`` or ``postgresql+psycopg://USER@HOST:PORT/NAME``.

    Returns:
        An engine; no connection is made yet.

    Raises:
        ConfigurationError: The URL is not one of the two.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigurationError(
            "TRADESYNC_DATABASE_URL is not a database URL; write sqlite:///FILE or "
            "postgresql+psycopg://USER@HOST:PORT/NAME"
        ) from None
    if parsed.drivername in {"postgresql", "postgresql+psycopg"}:
        # Never prepared: a plan made while a table was small would be kept when it is large.
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            connect_args={"prepare_threshold": None},
        )
    if parsed.drivername != "sqlite":
        raise ConfigurationError(
            f"TRADESYNC_DATABASE_URL names {parsed.drivername!r}; the books live in "
            "sqlite or postgresql+psycopg"
        )
    if parsed.database:
        _make_room(Path(parsed.database))
    engine = create_engine(parsed, connect_args={"timeout": 30})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_room(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the folder {file.parent} for the books cannot be made: {error.strerror}; set "
            "TRADESYNC_HOME or TRADESYNC_DATABASE_URL to one that can be written"
        ) from None


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "busy_timeout=30000",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("tradesync_read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _in_words(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        where = engine.url.render_as_string(hide_password=True)
        raise ConfigurationError(
            f"the database {where} cannot be used: {cause_of(error)}; check "
            "TRADESYNC_DATABASE_URL and that the server runs"
        ) from None


def transit(engine: Engine) -> Transit:
    """Tell how the database is reached.

    Raises:
        ConfigurationError: It cannot be.
    """
    if engine.dialect.name == "sqlite":
        return Transit((), encrypted=False, verified=False)
    with _in_words(engine), engine.connect().execution_options(**READ_ONLY) as connection:
        driver: Any = connection.connection.driver_connection
        tls = bool(driver.pgconn.ssl_in_use)
        mode = driver.info.get_parameters().get("sslmode")
        return Transit((driver.info.host,), tls, tls and mode == "verify-full")


def sweep(engine: Engine) -> None:
    """Rewrite SQLite's file, so that nothing is left in it of rows as they were before.

    PostgreSQL clears old rows away by itself, in its own time.

    Raises:
        ConfigurationError: Others use the file; it says what to do.
    """
    if engine.dialect.name != "sqlite":
        return
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("VACUUM")
        (busy, *_), *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        problem = "others use it" if busy else ""
    except sqlite3.OperationalError as error:
        problem = str(error)
    finally:
        connection.close()
    if problem:
        raise ConfigurationError(
            f"the change is made, but its traces stay in the database file ({problem}); run this "
            "again when nothing else of tradesync runs"
        )


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the schema up to a revision.

    Args:
        engine: The books' engine.
        revision: An Alembic revision; ``head`` is the newest.

    Raises:
        NotMigratedError: The schema is a newer version's.
        ConfigurationError: The database cannot be reached.
    """
    with _in_words(engine), engine.begin() as connection:
        config = _config(connection)
        current, known = _current(connection), _known(config)
        if current not in (None, *known):
            raise _not_migrated(engine, current, known)
        command.upgrade(config, revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the schema back to an older revision; what only newer ones hold is lost.

    Args:
        engine: The books' engine.
        revision: As ``tradesync db upgrade`` of the older version would bring it to.

    Raises:
        ConfigurationError: There is no such revision, or the database cannot be reached.
    """
    with _in_words(engine), engine.begin() as connection:
        config = _config(connection)
        current, known = _current(connection), _known(config)
        if revision not in known or current not in known or revision > current:
            raise ConfigurationError(
                f"the schema is at {current or 'none'} and cannot go back to {revision!r}; name "
                f"one from {known[-1]} to it"
            )
        command.downgrade(config, revision)


def is_empty(engine: Engine) -> bool:
    """Tell whether nothing is in the database, not even empty tables.

    Raises:
        ConfigurationError: It cannot be reached.
    """
    with _in_words(engine), engine.connect().execution_options(**READ_ONLY) as connection:
        return not inspect(connection).get_table_names()


def check_migrated(engine: Engine) -> None:
    """Make sure that the schema is this version's.

    Args:
        engine: The books' engine.

    Raises:
        NotMigratedError: It is older or newer.
        ConfigurationError: The database cannot be reached.
    """
    with _in_words(engine), engine.connect().execution_options(**READ_ONLY) as connection:
        current, known = _current(connection), _known(_config(connection))
    if current != known[0]:
        raise _not_migrated(engine, current, known)


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _known(config: Config) -> list[str]:
    """List this version's revisions, the newest first."""
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]


def _not_migrated(engine: Engine, current: str | None, known: Sequence[str]) -> NotMigratedError:
    newer = current not in (None, *known)
    advice = (
        f"run the newer version that it belongs to, or with that: tradesync db downgrade {known[0]}"
        if newer
        else "run: tradesync db upgrade"
    )
    return NotMigratedError(
        f"the database {engine.url.render_as_string(hide_password=True)} is at schema "
        f"{current or 'none'}, this version needs {known[0]}; {advice}"
    )
