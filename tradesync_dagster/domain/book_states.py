"""How far the books are: what was last applied, made, and added.

What belongs here: what a transaction reads and returns about the state of the books. What does
not: the transaction (``unit_of_work``).
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from tradesync_dagster.domain.fills import Fill

WATCHED: Final = "watched"
"""The kind of state of an order book that the monitor applied and that left it nothing to do.

The sync has its own, of the kind ``orders``: it may still lack the trades of that book.
"""


@dataclass(frozen=True, slots=True)
class BookState:
    """The last applied answer of one kind for one account: what a newer one is held against.

    Attributes:
        requested_at: Of the last complete answer that was applied, UTC.
        payload_hash: Its hash.
        settled: Whether the same again means nothing to do: it was read whole by a right clock,
            and left nothing open. Whoever changes an account's orders ends this (``put_orders``).
    """

    account_id: int
    kind: str
    trade_date: date
    requested_at: datetime
    payload_hash: str
    settled: bool = False


@dataclass(frozen=True, slots=True)
class Generation:
    """How far an account's books have been made.

    Attributes:
        generated_at: When positions and holdings were last made, UTC; ``None`` for never.
        stale_from: The first day whose books no longer follow from the fills; ``None`` if all do.
        opened_on: The day at whose start the broker's own figures were taken over; ``None`` until
            a complete answer came.
    """

    account_id: int
    generated_at: datetime | None = None
    stale_from: date | None = None
    opened_on: date | None = None


@dataclass(frozen=True, slots=True)
class Unshown:
    """An account's days whose books changed since they were last shown as figures of the day.

    Attributes:
        since: The first day that changed.
        changes: How often any day did, ever: another count means that more changed meanwhile.
        stale: Whether the books wait to be made anew, so that it is too early to show them.
    """

    account_id: int
    since: date
    changes: int
    stale: bool


@dataclass(slots=True)
class AddedFills:
    """What became of fills that were handed to the store.

    Attributes:
        added: How many are new.
        known: How many were there already and say the same.
        differing: (account id, stored, sent) where one fill id came with other content; the stored
            one stays.
        since: The earliest trade date that changed, by account id.
    """

    added: int = 0
    known: int = 0
    differing: list[tuple[int, Fill, Fill]] = field(default_factory=list)
    since: dict[int, date] = field(default_factory=dict)
