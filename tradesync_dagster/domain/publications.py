"""What leaves the house: snapshots for front ends and notifications.

What belongs here: the values that publishers carry. What does not: their transport (``publish``).
"""

from dataclasses import dataclass
from datetime import datetime

PEOPLE = "people/"
"""How the exchange of an alert begins that waits for a person's address; its number follows."""


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """A notification that is committed with the change it tells of, and sent later.

    Attributes:
        message_id: For deduplication by consumers; the same on a rerun.
        account_id: ``None`` where it tells of an organization.
        body: The JSON document.
        passing: Whether it is soon of no use once it was sent, since nothing had changed.
    """

    message_id: str
    account_id: int | None
    exchange: str
    routing_key: str
    body: bytes
    created_at: datetime
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An account's document for front ends.

    Attributes:
        key: Organization and account, as in ``Account.key``.
        version: Grows with every change; an older one never replaces a newer one.
        body: The JSON document.
    """

    account_id: int
    key: str
    version: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Published:
    """A snapshot that front ends should find, without its document; see ``Snapshot``."""

    account_id: int
    key: str
    version: int


@dataclass(frozen=True, slots=True)
class Told:
    """What came of telling people.

    Attributes:
        taken: Ids of the messages that their address took.
        errors: What went wrong, in sentences without any part of an address but its kind.
    """

    taken: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
