"""What the database's refusals mean: in words, and which of them pass when tried again.

What belongs here: errors of drivers, and trying again. What does not: transactions (``store``).
"""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError

from tradesync_dagster.domain.errors import (
    ConfigurationError,
    StoreAwayError,
    StoreBusyError,
    StoreError,
    TradesyncError,
)

_BUSY = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, a lock not had in time."""
_AWAY = frozenset({"57P01", "57P02", "57P03"})
"""The server ends, has crashed, or is starting."""
_FULL = frozenset({"53100"})
_PAUSES = (0.1, 0.5, 2.0)
"""Seconds between tries; a server that stays away longer is left to the next tick."""

_Result = TypeVar("_Result")

_log = logging.getLogger(__name__)


def refused(error: DBAPIError, what: str) -> TradesyncError:
    """Say what the database refused.

    Args:
        error: What the driver raised; its statement and values are not repeated.
        what: ``written`` or ``read``.
    """
    cause = cause_of(error)
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in _BUSY:
        return StoreBusyError(f"the books are busy: {cause}; the next sync tries again")
    if state in _FULL or "disk is full" in cause:
        return ConfigurationError(
            f"the books cannot be {what}: {cause}; make room where the database is, the next "
            "sync goes on"
        )
    if _is_away(error, state):
        return StoreAwayError(
            f"the books cannot be {what}: {cause}; check TRADESYNC_DATABASE_URL and that the "
            "server runs"
        )
    if isinstance(error, OperationalError) or what == "read":
        return ConfigurationError(f"the books cannot be {what}: {cause}")
    return StoreError(f"the books refused what was written: {cause}")


def tried_again(attempt: Callable[[], _Result]) -> _Result:
    """Try, and again after growing pauses while the database is busy or away.

    Args:
        attempt: One whole transaction that may be repeated, also after it was committed: where a
            connection breaks at the commit, nobody knows.

    Returns:
        What it returned.

    Raises:
        StoreBusyError: It stayed busy.
        StoreAwayError: It stayed away.
    """
    for pause in _PAUSES:
        try:
            return attempt()
        except (StoreBusyError, StoreAwayError) as error:
            _log.info("%s; trying again", error)
            time.sleep(pause)
    return attempt()


def _is_away(error: DBAPIError, state: str) -> bool:
    broken = error.connection_invalidated or state.startswith("08") or state in _AWAY
    # A connection that was never made has no state.
    unmade = not state and type(error.orig).__module__.startswith("psycopg")
    return broken or (unmade and isinstance(error, OperationalError))


def cause_of(error: DBAPIError) -> str:
    """Return what the driver said, in one line and never empty."""
    lines = str(error.orig).strip().splitlines()
    return lines[0] if lines else type(error.orig).__name__
