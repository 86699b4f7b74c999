"""One readable line for each sync, as the store records them.

What belongs here: noticing new ticks and writing them down. What does not: making them.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import typer
from sqlalchemy.exc import SQLAlchemyError

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.cli.screen import warn
from tradesync_dagster.domain.errors import TradesyncError

_RECENT = 20


class TickWatch:
    """Prints each tick once, when its record has stopped growing."""

    def __init__(self, services: Services) -> None:
        """Take the ticks that are there already as known.

        Args:
            services: Whose store is watched.
        """
        self._services = services
        self._printed = {str(row["tick_id"]) for row in services.last_ticks(_RECENT)}
        self._growing: dict[str, Mapping[str, Any]] = {}
        self._away = False

    def look(self) -> None:
        """Print what is new; a tick that grew since the last look waits for the next one.

        Books that cannot be read, such as while their server restarts, are said once and waited
        for: watching must not end what it watches.
        """
        try:
            recent = self._services.last_ticks(_RECENT)
        except (SQLAlchemyError, TradesyncError) as error:
            if not self._away:
                warn(f"the books cannot be read at the moment: {_first_line(error)}")
            self._away = True
            return
        self._away = False
        rows = {str(row["tick_id"]): row for row in recent}
        new = [row for key, row in rows.items() if key not in self._printed]
        for row in sorted(new, key=lambda row: str(row["started_at"])):
            key = str(row["tick_id"])
            if self._growing.get(key) == row:
                self.tell(row)
            else:
                self._growing[key] = row

    def tell(self, row: Mapping[str, Any]) -> None:
        """Print one tick's line.

        Args:
            row: With the keys of ``Services.last_ticks``.
        """
        self._printed.add(str(row["tick_id"]))
        self._growing.pop(str(row["tick_id"]), None)
        typer.echo(line(row))


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]


def line(row: Mapping[str, Any]) -> str:
    """Write one tick as a line whose columns stand under each other.

    Args:
        row: With the keys of ``Services.last_ticks``.

    Returns:
        The line.
    """
    at = datetime.fromisoformat(str(row["started_at"])).astimezone()
    new = f"(+{row['new_external_orders']})"
    return (
        f"sync {at:%H:%M:%S} | {row['accounts']:>5} accounts | {row['orders']:>6} orders | "
        f"{row['external_orders']:>6} external {new:>6} | {row['positions']:>6} positions | "
        f"{row['errors']:>4} errors | {Decimal(row['seconds']):>7.2f} s"
    )
