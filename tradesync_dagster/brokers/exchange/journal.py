"""The exchange's memory: every command, written down before it is answered.

Belongs here: appending commands to a SQLite file and reading them back in order.
Does not belong here: what a command means (venue.py replays them).

The market is a function of its rules and its commands, so the commands are all there is to keep.
WAL with `synchronous=NORMAL` loses nothing when the process is killed; a power cut may lose the
last commands but never tears one.
"""

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson


class Journal:
    """An append-only list of commands, in a file or, without a path, nowhere."""

    def __init__(self, path: Path | None) -> None:
        self._connection: sqlite3.Connection | None = None
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA busy_timeout=2000")
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS command ("
            "seq INTEGER PRIMARY KEY, at TEXT NOT NULL, name TEXT NOT NULL, args BLOB NOT NULL)"
        )

    def append(self, at: datetime, name: str, args: dict[str, Any]) -> None:
        """Write one command down and commit it."""
        if self._connection is not None:
            self._connection.execute(
                "INSERT INTO command (at, name, args) VALUES (?, ?, ?)",
                (at.isoformat(), name, orjson.dumps(args)),
            )

    def commands(self) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
        """Give every command in the order it came."""
        if self._connection is not None:
            rows = self._connection.execute("SELECT at, name, args FROM command ORDER BY seq")
            for at, name, args in rows:
                yield datetime.fromisoformat(at), name, orjson.loads(args)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
