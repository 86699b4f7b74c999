"""The log of what people do on the pages: who asked for what, when, on what, and what came of it.

What belongs here: writing entries around actions, and reading them. What does not: the actions, and
the books' own events, which name who did something too (``sync.assigning``, ``sync.explaining``).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tradesync_dagster.domain.errors import TradesyncError
from tradesync_dagster.domain.people import ALL_ORGANIZATIONS, Person
from tradesync_dagster.domain.ports import Clock
from tradesync_dagster.store.people import PeopleRows
from tradesync_dagster.store.store import SqlStore

ASKED = "asked"
"""The outcome of an action that was begun, and of whose end nothing is known."""
DONE = "done"
_LONGEST = 500


def entry_of(
    clock: Clock,
    who: str,
    action: str,
    organization_id: str,
    subject: str,
    detail: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the entry of what is done in the same transaction; see ``AuditLog.around``."""
    return {
        "at": clock.now(), "who": who, "organization_id": organization_id, "action": action,
        "subject": subject, "detail": dict(detail), "outcome": DONE,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class AuditLog:
    """The log over the books."""

    store: SqlStore
    clock: Clock

    @contextmanager
    def around(
        self, who: str, action: str, organization_id: str, subject: str, **detail: Any
    ) -> Iterator[None]:
        """Log an action around its doing, so that none is done without an entry.

        Args:
            who: The person.
            action: A verb and its object, such as ``assign orders``.
            organization_id: Whose books it touches.
            subject: On what.
            detail: What else was asked; JSON-ready, no secrets.

        Yields:
            Nothing; the action is done inside.
        """
        entry = entry_of(self.clock, who, action, organization_id, subject, detail)
        with self.store.writing() as connection:
            audit_id = PeopleRows(connection).note(entry | {"outcome": ASKED})
        try:
            yield
        except Exception as error:
            said = str(error) if isinstance(error, TradesyncError) else type(error).__name__
            self._close(audit_id, f"refused: {said}"[:_LONGEST])
            raise
        self._close(audit_id, DONE)

    def listed(
        self, person: Person, before: int | None = None, limit: int = 100
    ) -> list[dict[str, Any]]:
        """List what was done to what a person sees, newest first.

        Args:
            person: Who asks.
            before: Only entries older than this one, if given.
            limit: How many.

        Returns:
            Rows of ``audit_log``.
        """
        everything = person.organization_id == ALL_ORGANIZATIONS
        with self.store.reading() as connection:
            return PeopleRows(connection).entries(
                None if everything else person.organization_id, before, limit
            )

    def _close(self, audit_id: int, outcome: str) -> None:
        with self.store.writing() as connection:
            PeopleRows(connection).close(audit_id, outcome)
