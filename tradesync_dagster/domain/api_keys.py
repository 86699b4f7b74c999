"""Keys that open the HTTP API to programs, one organization each.

A token is ``tsk_ID_SECRET``: the id is public and finds the key, the secret has 256 random bits.
Only the token's SHA-256 is kept; a slow hash would add nothing to a secret that nobody can guess.
What belongs here: the key, and writing, reading and comparing tokens. What does not: randomness,
the clock, keeping keys (``store.api_keys``).
"""

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest

from tradesync_dagster.domain.people import Role

SECRET_BYTES = 32
"""Of randomness in a token."""
ID_BYTES = 6
"""Of randomness in a key's public id."""
_TOKEN = re.compile(r"tsk_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
_NO_KEY = "0" * 64


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as people see it; it holds nothing that would open anything.

    Attributes:
        key_id: Its public id, the beginning of the token.
        organization_id: The one organization that it opens.
        name: Who or what uses it; stands in the audit trail for what was done with it.
        role: What it may do, as people's.
        created_at: UTC.
        revoked_at: UTC; ``None`` while it opens.
    """

    key_id: str
    organization_id: str
    name: str
    role: Role
    created_at: datetime
    revoked_at: datetime | None = None


def token_of(key_id: str, secret: bytes) -> str:
    """Write a token.

    Args:
        key_id: ``ID_BYTES`` in hexadecimal digits.
        secret: ``SECRET_BYTES`` from a source of secrets.

    Returns:
        The token, to be shown once and not kept.
    """
    return f"tsk_{key_id}_{urlsafe_b64encode(secret).rstrip(b'=').decode('ascii')}"


def key_id_of(token: str) -> str | None:
    """Read the public id out of what a caller sent; ``None`` where it is no token at all."""
    found = _TOKEN.fullmatch(token)
    return found[1] if found else None


def digest_of(token: str) -> str:
    """Return what is kept of a token."""
    return sha256(token.encode()).hexdigest()


def opens(token: str, digest: str | None) -> bool:
    """Compare a token with what is kept, in a time that tells nothing of where they differ.

    Args:
        token: As the caller sent it.
        digest: What is kept; ``None`` where no key has the token's id, which takes as long.

    Returns:
        Whether it is the key's token.
    """
    return compare_digest(digest_of(token), digest or _NO_KEY)
