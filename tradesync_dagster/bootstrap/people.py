"""People who sign in: adding and changing them, signing in and out.

What belongs here: randomness, password hashes and the clock put to the rules (``domain.people``)
and the rows (``store.people``). What does not: the log of what they do (``audit``), cookies and
forms, who may do what on which page (``api.pages``).
"""

import secrets
from dataclasses import dataclass
from functools import cache
from threading import BoundedSemaphore
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tradesync_dagster.bootstrap.accounts import check_organization
from tradesync_dagster.bootstrap.audit import entry_of
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.people import (
    ALL_ORGANIZATIONS,
    FAILURE_WINDOW,
    LIFETIME,
    MOST_FAILURES,
    NOTED_EVERY,
    TOKEN_BYTES,
    Person,
    Role,
    Session,
    SignInRefusedError,
    TooManyFailuresError,
    check_name,
    check_password,
    digest_of,
    is_name,
)
from tradesync_dagster.domain.ports import Clock
from tradesync_dagster.store.people import PeopleRows
from tradesync_dagster.store.store import SqlStore

COMMAND_LINE = "command line"
"""Who does what the command line does; no person can have this name."""
_hasher = PasswordHasher()
_hashing = BoundedSemaphore(2)
"""Each hash takes 64 MiB and four lanes of work, so that few are made at once."""


@cache
def _nobodys_hash() -> str:
    """Return a hash that no password opens, so that unknown names take as long as known ones."""
    return _hasher.hash(secrets.token_hex())


@dataclass(frozen=True, slots=True)
class DeskPeople:
    """The people over the books."""

    store: SqlStore
    clock: Clock

    def add(self, name: str, organization_id: str, role: Role, password: str) -> Person:
        """Make a person known.

        Args:
            name: Signs in with it.
            organization_id: The one that they see; ``ALL_ORGANIZATIONS`` for every one.
            role: What they may do.
            password: Kept as an Argon2 hash only.

        Returns:
            The person.

        Raises:
            ConfigurationError: The name is taken or none, the organization has no account, or the
                password is too easy to guess.
        """
        check_name(name)
        check_password(password, name)
        if organization_id != ALL_ORGANIZATIONS:
            check_organization(self.store, organization_id)
        person, kept = Person(name, organization_id, role, self.clock.now()), _hashed(password)
        with self.store.writing() as connection:
            rows = PeopleRows(connection)
            if not rows.add(person, kept):
                raise ConfigurationError(f"there is a person {name!r} already; change them instead")
            self._note(rows, COMMAND_LINE, "add person", person, role=role.value)
        return person

    def listed(self) -> list[Person]:
        """List all people by name, disabled ones too."""
        with self.store.reading() as connection:
            return PeopleRows(connection).listed()

    def set_role(self, name: str, role: Role) -> None:
        """Change what a person may do, from their next request on."""
        self._change(name, "change role", {"role": role.value}, role=role.value)

    def set_enabled(self, name: str, *, enabled: bool) -> None:
        """Let a person sign in or no more; their sessions end at once."""
        action = "enable person" if enabled else "disable person"
        self._change(name, action, {}, disabled_at=None if enabled else self.clock.now())

    def set_password(self, name: str, password: str) -> None:
        """Give a person a new password; their sessions end at once."""
        check_password(password, name)
        self._change(name, "change password", {}, password_hash=_hashed(password))

    def sign_in(self, name: str, password: str, address: str) -> str:
        """Start a session.

        The attempt counts as failed before the password is looked at, and is forgiven when it was
        good: so many at once cannot outrun the count.

        Args:
            name: As typed.
            password: As typed.
            address: Whence.

        Returns:
            The session's token, which is nowhere else from then on.

        Raises:
            SignInRefusedError: They do not go together, or the person may not sign in.
            TooManyFailuresError: The name or the address has failed too often of late.
        """
        counted = [("address", address)] + ([("name", name)] if is_name(name) else [])
        self._count(counted)
        with self.store.reading() as connection:
            person, kept = PeopleRows(connection).found(name) or (None, _nobodys_hash())
        opened = _opens(password, kept)
        if person is None or not opened or person.disabled_at is not None:
            self._log_refusal(name, person, address)
            raise SignInRefusedError("name and password do not go together")
        token, now = secrets.token_urlsafe(TOKEN_BYTES), self.clock.now()
        with self.store.writing() as connection:
            rows = PeopleRows(connection)
            rows.forget(now - LIFETIME, now - FAILURE_WINDOW)
            for kind, subject in counted:
                rows.forgive(kind, subject)
            if _hasher.check_needs_rehash(kept):
                rows.change(name, password_hash=_hashed(password))
            rows.start(Session(digest_of(token), name, now, now))
            self._note(rows, name, "sign in", person, address=address)
        return token

    def visitor(self, token: str, *, acts: bool = True) -> Person | None:
        """Tell whose a session is.

        Args:
            token: As the cookie has it.
            acts: Whether the person did something; a page that refreshes itself is nobody's doing.

        Returns:
            The person; ``None`` where the session has ended, or never was.
        """
        now = self.clock.now()
        with self.store.reading() as connection:
            found = PeopleRows(connection).holder(digest_of(token))
        if found is None:
            return None
        person, session = found
        if person.disabled_at is not None or not session.lives(now):
            return None
        if acts and now - session.seen_at >= NOTED_EVERY:
            with self.store.writing() as connection:
                PeopleRows(connection).note_seen(session.digest, now)
        return person

    def sign_out(self, token: str) -> None:
        """End a session; one that has ended stays so."""
        with self.store.writing() as connection:
            rows = PeopleRows(connection)
            found = rows.holder(digest_of(token))
            if found is not None:
                rows.end(digest_of(token))
                self._note(rows, found[0].name, "sign out", found[0])

    def _count(self, counted: list[tuple[str, str]]) -> None:
        now = self.clock.now()
        with self.store.writing() as connection:
            rows = PeopleRows(connection)
            found = [rows.count_failure(*one, now, now - FAILURE_WINDOW) for one in counted]
        over = [
            kind for (kind, _), n in zip(counted, found, strict=True) if n > MOST_FAILURES[kind]
        ]
        if over:
            minutes = int(FAILURE_WINDOW.total_seconds()) // 60
            raise TooManyFailuresError(
                f"too many failed sign-ins of this {over[0]}; try again in {minutes} minutes"
            )

    def _log_refusal(self, name: str, person: Person | None, address: str) -> None:
        typed = name if is_name(name) else ""
        organization = person.organization_id if person else ALL_ORGANIZATIONS
        entry = entry_of(self.clock, typed, "sign in", organization, typed, {"address": address})
        with self.store.writing() as connection:
            PeopleRows(connection).note(entry | {"outcome": "refused"})

    def _change(self, name: str, action: str, detail: dict[str, Any], **values: Any) -> None:
        with self.store.writing() as connection:
            rows = PeopleRows(connection)
            found = rows.found(name)
            if found is None:
                raise ConfigurationError(
                    f"there is no person {name!r}; see them with: tradesync people list"
                )
            rows.change(name, **values)
            if "role" not in values:
                rows.end_all(name)
            self._note(rows, COMMAND_LINE, action, found[0], **detail)

    def _note(self, rows: PeopleRows, who: str, action: str, on: Person, **detail: Any) -> None:
        rows.note(entry_of(self.clock, who, action, on.organization_id, on.name, detail))


def _hashed(password: str) -> str:
    with _hashing:
        return _hasher.hash(password)


def _opens(password: str, kept: str) -> bool:
    with _hashing:
        try:
            return _hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False
