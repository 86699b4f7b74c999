"""Copies of the books: making one while everything runs, and laying books from one.

SQLite is copied by its own online backup, PostgreSQL by ``pg_dump`` and ``pg_restore``. What
belongs here: the two commands for both databases, and refusing what would lose something. What does
not: keys and Dagster's history, which lie elsewhere (docs/deployment.md).
"""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import make_url

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.settings import Settings, child_environment
from tradesync_dagster.store.engine import check_migrated, is_empty, open_engine

_SQLITE = b"SQLite format 3\x00"


def back_up(settings: Settings, file: Path) -> None:
    """Copy the books as they are at one moment; nothing needs to stop.

    Args:
        settings: Name the books.
        file: Made anew, for the owner's eyes only; what is there is never overwritten.

    Raises:
        ConfigurationError: The books or the file cannot be used; no file is left behind.
        NotMigratedError: The books' schema is not this version's.
    """
    engine = open_engine(settings.books_url)
    try:
        check_migrated(engine)
    finally:
        engine.dispose()
    draft = _private(file)
    try:
        if engine.dialect.name == "sqlite":
            _copy(Path(str(engine.url.database)), draft)
            _check_whole(draft)
            with closing(sqlite3.connect(draft)) as made:
                made.execute("PRAGMA journal_mode=DELETE")  # so that the file stands alone
        else:
            _run("pg_dump", settings.books_url, "--format=custom", f"--file={draft}")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def restore(settings: Settings, file: Path) -> None:
    """Lay the books from a copy, into a database that is empty.

    Args:
        settings: Name the database.
        file: From ``back_up`` of the same kind of database.

    Raises:
        ConfigurationError: There are books already, or the copy is none; nothing is changed then.
        NotMigratedError: The books are laid, and their schema is not this version's.
    """
    engine = open_engine(settings.books_url)
    embedded = engine.dialect.name == "sqlite"
    try:
        _check_copy(file, embedded=embedded)
        if not is_empty(engine):
            raise ConfigurationError(
                f"the database {engine.url.render_as_string(hide_password=True)} is not empty; "
                "restore into a new one, so that nothing is lost"
            )
        if embedded:
            _check_whole(file)  # before anything is laid
            _copy(file, Path(str(engine.url.database)))
        else:
            _run(
                "pg_restore", settings.books_url, "--single-transaction", "--exit-on-error",
                "--no-owner", "--no-privileges", str(file),
            )  # fmt: skip
        check_migrated(engine)
    finally:
        engine.dispose()


def _private(file: Path) -> Path:
    if file.exists():
        raise ConfigurationError(f"{file} is there already; name a new file")
    draft = file.with_name(f".{file.name}.part")
    try:
        draft.touch(0o600, exist_ok=False)
    except OSError as error:
        raise ConfigurationError(
            f"{draft} cannot be made: {error.strerror}; name a file in a folder that can be "
            "written, and where no other backup is being made"
        ) from None
    return draft


def _check_copy(file: Path, *, embedded: bool) -> None:
    try:
        with file.open("rb") as opened:
            start = opened.read(len(_SQLITE))
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from None
    kind = "SQLite" if embedded else "PostgreSQL"
    if not (start == _SQLITE if embedded else start.startswith(b"PGDMP")):
        raise ConfigurationError(f"{file} is no backup of books in {kind}")


def _copy(source: Path, target: Path) -> None:
    """Copy by SQLite's online backup."""
    try:
        with closing(_opened(source)) as old, closing(sqlite3.connect(target, timeout=30)) as new:
            old.backup(new)
    except sqlite3.Error as error:
        raise ConfigurationError(f"{source} cannot be copied to {target}: {error}") from None


def _check_whole(copy: Path) -> None:
    try:
        with closing(_opened(copy)) as opened:
            (said,) = opened.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        said = str(error)
    if said != "ok":
        raise ConfigurationError(f"the copy {copy} is damaged: {said}")


def _opened(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)


def _run(program: str, url: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs; the password goes where no list of processes shows it."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    known: dict[str, Any] = dict(conninfo_to_dict(address))
    password = known.pop("password", None)
    extra = {} if password is None else {"PGPASSWORD": str(password)}
    command = [program, f"--dbname={make_conninfo(**known)}", "--no-password", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and arguments of our own
            command, env=child_environment(extra), capture_output=True, check=False,
            encoding="utf-8", errors="replace",  # it may quote what it cannot read
        )  # fmt: skip
    except FileNotFoundError:
        raise ConfigurationError(
            f"{program} is not installed; install PostgreSQL's client programs of the server's "
            "version or a newer one"
        ) from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[0]
        raise ConfigurationError(f"{said}; nothing was changed")
