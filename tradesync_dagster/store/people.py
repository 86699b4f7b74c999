"""People who sign in, their sessions, their failed sign-ins, and the log of what they did.

What belongs here: reading and writing them. What does not: passwords and tokens
(``bootstrap.people``), the rules of sessions (``domain.people``).
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, insert, select, update
from sqlalchemy.engine import RowMapping

from tradesync_dagster.domain.people import Person, Role, Session
from tradesync_dagster.store.people_tables import (
    audit_log,
    people,
    people_sessions,
    sign_in_failures,
)
from tradesync_dagster.store.rows import Repository, insert_into


class PeopleRows(Repository):
    """Reads and writes people and what they do."""

    def add(self, person: Person, password_hash: str) -> bool:
        """Insert a person, and tell whether the name was free."""
        row = asdict(person) | {"password_hash": password_hash}
        insert_free = insert_into(self._connection, people).values(row).on_conflict_do_nothing()
        statement = insert_free.returning(people.c.name)
        return self._connection.execute(statement).first() is not None

    def listed(self) -> list[Person]:
        """Read all people by name."""
        query = select(people).order_by(people.c.name)
        return [_person_of(row) for row in self._connection.execute(query).mappings()]

    def found(self, name: str) -> tuple[Person, str] | None:
        """Read one person and the hash of their password."""
        query = select(people).where(people.c.name == name)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else (_person_of(row), str(row["password_hash"]))

    def change(self, name: str, **values: Any) -> bool:
        """Set columns of a person, and tell whether there is one of the name."""
        statement = update(people).where(people.c.name == name).values(**values)
        return self._connection.execute(statement).rowcount > 0

    def start(self, session: Session) -> None:
        """Insert a session."""
        self._connection.execute(insert(people_sessions).values(**asdict(session)))

    def holder(self, digest: str) -> tuple[Person, Session] | None:
        """Read a session with its person."""
        query = (
            select(people, people_sessions)
            .join_from(people_sessions, people)
            .where(people_sessions.c.digest == digest)
        )
        row = self._connection.execute(query).mappings().first()
        if row is None:
            return None
        return _person_of(row), Session(digest, row["name"], row["started_at"], row["seen_at"])

    def note_seen(self, digest: str, at: datetime) -> None:
        """Note that a session's person did something."""
        where = people_sessions.c.digest == digest
        self._connection.execute(update(people_sessions).where(where).values(seen_at=at))

    def end(self, digest: str) -> None:
        """Delete a session."""
        self._connection.execute(delete(people_sessions).where(people_sessions.c.digest == digest))

    def end_all(self, name: str) -> None:
        """Delete all sessions of a person."""
        self._connection.execute(delete(people_sessions).where(people_sessions.c.name == name))

    def forget(self, started_before: datetime, failed_before: datetime) -> None:
        """Delete sessions that began too long ago to live, and failures that no longer count."""
        self._connection.execute(
            delete(people_sessions).where(people_sessions.c.started_at < started_before)
        )
        self._connection.execute(
            delete(sign_in_failures).where(sign_in_failures.c.since < failed_before)
        )

    def count_failure(self, kind: str, subject: str, at: datetime, window: datetime) -> int:
        """Count a failed sign-in, in one statement, so that no two count as one.

        Args:
            kind: ``name`` or ``address``.
            subject: Which.
            at: Now, UTC.
            window: Since when failures count; an older row begins anew.

        Returns:
            How many there are within the window, this one included.
        """
        table = sign_in_failures
        fresh = table.c.since < window
        statement = insert_into(self._connection, table).values(
            kind=kind, subject=subject, since=at, count=1
        )
        statement = statement.on_conflict_do_update(
            index_elements=["kind", "subject"],
            set_={
                "since": case((fresh, at), else_=table.c.since),
                "count": case((fresh, 1), else_=table.c.count + 1),
            },
        ).returning(table.c.count)
        return int(self._connection.execute(statement).scalar_one())

    def forgive(self, kind: str, subject: str) -> None:
        """Take one counted failure back: the sign-in was good."""
        table = sign_in_failures
        where = (table.c.kind == kind, table.c.subject == subject)
        self._connection.execute(update(table).where(*where).values(count=table.c.count - 1))

    def note(self, entry: Mapping[str, Any]) -> int:
        """Insert an entry of the audit log, and return its id."""
        statement = insert(audit_log).values(**entry).returning(audit_log.c.audit_id)
        return int(self._connection.execute(statement).scalar_one())

    def close(self, audit_id: int, outcome: str) -> None:
        """Note what came of an action."""
        where = audit_log.c.audit_id == audit_id
        self._connection.execute(update(audit_log).where(where).values(outcome=outcome))

    def entries(
        self, organization_id: str | None, before: int | None, limit: int
    ) -> list[dict[str, Any]]:
        """List the audit log, newest first.

        Args:
            organization_id: Only its entries, if given.
            before: Only entries older than this one.
            limit: How many.

        Returns:
            Rows of ``audit_log``.
        """
        query = select(audit_log).order_by(audit_log.c.audit_id.desc()).limit(limit)
        if organization_id is not None:
            query = query.where(audit_log.c.organization_id == organization_id)
        if before is not None:
            query = query.where(audit_log.c.audit_id < before)
        return self._rows(query)


def _person_of(row: RowMapping) -> Person:
    return Person(
        row["name"],
        row["organization_id"],
        Role(row["role"]),
        row["created_at"],
        row["disabled_at"],
    )
