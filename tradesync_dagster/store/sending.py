"""One sender at a time, of all processes on the same books, so that nobody is told a thing twice.

The lock ends with the process that holds it. What belongs here: taking it. What does not: what is
sent (``sync.publishing``).
"""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, text

_ADVISORY: Final = 0x7454
"""The first key of the advisory lock; an account's lease has another (``store``)."""
_PAUSE: Final = 0.05


@contextmanager
def alone(connection: Connection, patience: float) -> Iterator[bool]:
    """Hold the lock.

    Args:
        connection: A transaction that only reads and lasts as long as the lock.
        patience: Seconds to wait for another sender.

    Yields:
        Whether it is held; if not, another sender has it still.
    """
    if connection.dialect.name == "postgresql":
        take = text("SELECT pg_try_advisory_xact_lock(:sending, 0)")
        yield _taken(lambda: bool(connection.scalar(take, {"sending": _ADVISORY})), patience)
        return
    file = connection.engine.url.database
    if not file:  # in memory: nobody else has these books
        yield True
        return
    with Path(f"{file}.sending").open("ab") as lock:
        yield _taken(lambda: _locked(lock.fileno()), patience)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _taken(take: Callable[[], bool], patience: float) -> bool:
    until = time.monotonic() + patience
    while not (taken := take()) and time.monotonic() < until:
        time.sleep(_PAUSE)
    return taken
