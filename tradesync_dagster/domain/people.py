"""The people who sign in to the pages, and the rules of their sessions.

A session's token is 256 random bits in a cookie; only its SHA-256 is kept. What belongs here:
roles, whom a person may see, how long a session lives, how many failed sign-ins are borne, names
and passwords. What does not: hashing passwords, randomness (``bootstrap.people``), rows
(``store.people``), cookies (``api``).
"""

import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from tradesync_dagster.domain.accounts import NAME
from tradesync_dagster.domain.errors import ConfigurationError, TradesyncError

TOKEN_BYTES = 32
"""Of randomness in a session's token."""
LIFETIME = timedelta(hours=12)
"""A session ends so long after its sign-in, whatever happens in it."""
IDLE = timedelta(hours=1)
"""A session ends so long after the last thing that its person did."""
NOTED_EVERY = timedelta(minutes=1)
"""How exactly that last thing is known; a page need not write for each request."""
FAILURE_WINDOW = timedelta(minutes=15)
MOST_FAILURES = {"name": 10, "address": 30}
"""Failed sign-ins that a name, or an address, may have within the window."""

ALL_ORGANIZATIONS = ""
_SHORTEST, _LONGEST = 12, 200


class SignInRefusedError(TradesyncError):
    """Name and password do not go together, or the person may not sign in; it is not told which."""


class TooManyFailuresError(SignInRefusedError):
    """The name or the address has failed too often of late; nothing was looked at."""


class Role(StrEnum):
    """What a person may do; each may do what those before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def covers(self, needed: "Role") -> bool:
        """Whether this role may do what another may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in; holds nothing that would open anything.

    Attributes:
        name: Signs in with it; stands in the audit trail.
        organization_id: The one that they see; ``ALL_ORGANIZATIONS`` for every one.
        role: What they may do.
        created_at: UTC.
        disabled_at: UTC; ``None`` while they may sign in.
    """

    name: str
    organization_id: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None = None

    def sees(self, organization_id: str) -> bool:
        """Whether an organization is theirs to see."""
        return self.organization_id in {ALL_ORGANIZATIONS, organization_id}


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in of a person.

    Attributes:
        digest: What is kept of the token.
        name: Whose.
        started_at: The sign-in, UTC.
        seen_at: The last thing that the person did, to ``NOTED_EVERY``, UTC.
    """

    digest: str
    name: str
    started_at: datetime
    seen_at: datetime

    def lives(self, now: datetime) -> bool:
        """Whether it still opens anything."""
        return now - self.started_at < LIFETIME and now - self.seen_at < IDLE


def digest_of(token: str) -> str:
    """Return what is kept of a session's token."""
    return sha256(token.encode()).hexdigest()


def form_token_of(token: str) -> str:
    """Return what a form must carry to be taken for one of this session's own pages.

    Args:
        token: The session's; another site cannot read it, and so cannot make this.

    Returns:
        Text that does not tell the token.
    """
    return hmac.new(token.encode(), b"tradesync form", sha256).hexdigest()


def is_form_token(sent: str, token: str) -> bool:
    """Compare a form's token in a time that tells nothing of where it differs."""
    return hmac.compare_digest(sent.encode(), form_token_of(token).encode())


def is_name(text: str) -> bool:
    """Whether somebody may have this name."""
    return re.fullmatch(NAME, text) is not None


def check_name(text: str) -> None:
    """Refuse what cannot be a name.

    Raises:
        ConfigurationError: It says what a name is.
    """
    if not is_name(text):
        raise ConfigurationError(
            f"{text!r} is no person's name: write up to 64 letters, digits or . _ @ -"
        )


def check_password(password: str, name: str) -> None:
    """Refuse passwords that are too easy to guess, or no text.

    Args:
        password: As it was typed.
        name: Whose.

    Raises:
        ConfigurationError: It says what is wrong, without the password.
    """
    if not _SHORTEST <= len(password) <= _LONGEST or not password.isprintable():
        raise ConfigurationError(
            f"a password is one line of {_SHORTEST} to {_LONGEST} characters; a few words do well"
        )
    if len(set(password)) < 5 or name.lower() in password.lower():
        raise ConfigurationError(
            "this password is too easy to guess: it repeats itself, or the name"
        )
