"""``tradesync ticks``, and one readable line for each sync as the store records them.

What belongs here: listing ticks, noticing new ones and writing them down. What does not: making
them.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import typer
from sqlalchemy.exc import SQLAlchemyError

from tradesync_dagster.bootstrap import Services, open_services
from tradesync_dagster.cli.screen import AsJson, show, warn
from tradesync_dagster.domain.errors import TradesyncError
from tradesync_dagster.domain.results import FAILED

_RECENT = 20
_SHOWN = (
    "started_at", "shard", "status", "accounts", "failed", "changed", "orders",
    "new_external_orders", "errors", "seconds", "overrun_seconds", "longest_part",
)  # fmt: skip


def ticks(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 20,
    *,
    as_json: AsJson = False,
) -> None:
    """List the latest syncs: what each came to, how long it took, and what took longest."""
    rows = open_services().last_ticks(limit)
    shown = rows if as_json else [_told(row) for row in rows]
    show(shown, as_json=as_json, title="Ticks", columns=_SHOWN)


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    parts = {name: Decimal(taken) for name, taken in row["parts"].items()}
    longest = max(parts, key=lambda name: parts[name], default="")
    told = {"longest_part": f"{longest} {parts[longest]:.1f} s" if longest else ""}
    return {**row, "failed": row["statuses"].get(FAILED, 0), **told}


class TickWatch:
    """Prints each tick once, when its record has stopped growing."""

    def __init__(self, services: Services) -> None:
        """Take the ticks that are there already as known.

        Args:
            services: Whose store is watched.
        """
        self._services = services
        self._printed = {_key(row) for row in services.last_ticks(_RECENT)}
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
        rows = {_key(row): row for row in recent}
        new = [row for key, row in rows.items() if key not in self._printed]
        for row in sorted(new, key=lambda row: str(row["started_at"])):
            key = _key(row)
            if self._growing.get(key) == row:
                self.tell(row)
            else:
                self._growing[key] = row

    def tell(self, row: Mapping[str, Any]) -> None:
        """Print one tick's line.

        Args:
            row: With the keys of ``Services.last_ticks``.
        """
        self._printed.add(_key(row))
        self._growing.pop(_key(row), None)
        typer.echo(_line(row))


def _key(row: Mapping[str, Any]) -> str:
    return f"{row['tick_id']} {row.get('shard', '')}"


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]


def _line(row: Mapping[str, Any]) -> str:
    """Write one tick as a line whose columns stand under each other."""
    at = datetime.fromisoformat(str(row["started_at"])).astimezone()
    new = f"(+{row['new_external_orders']})"
    return (
        f"sync {at:%H:%M:%S} | {row['accounts']:>5} accounts | {row['orders']:>6} orders | "
        f"{row['external_orders']:>6} external {new:>6} | {row['positions']:>6} positions | "
        f"{row['errors']:>4} errors | {Decimal(row['seconds']):>7.2f} s"
    )
