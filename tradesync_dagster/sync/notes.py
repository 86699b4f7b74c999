"""The note of each account that its sync ended, over one tick.

It is committed with the books, before Redis is asked, and says how that went. Where this is known
before, it is written once; where it turns out otherwise, the note is completed before it is sent.
What belongs here: which notes are written and completed. What does not: their shape
(``documents``), sending them (``publishing``).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.results import SUCCESS, AccountResult
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.documents import sync_completed

_DISABLED = "disabled"
_PENDING = "pending"

Ended = tuple[Account, AccountResult]
"""An account whose sync ended, and its outcome."""


@dataclass(slots=True)
class Notes:
    """What one tick tells of its accounts.

    Attributes:
        to_redis: Whether snapshots go to Redis at all.
    """

    tick_id: str
    started: datetime
    to_redis: bool
    _told: dict[int, str] = field(default_factory=dict)

    def write(self, work: UnitOfWork, ended: Sequence[Ended], quiet: Collection[int]) -> None:
        """Write notes.

        Args:
            work: The transaction that their results are in.
            ended: Whose sync ended.
            quiet: The ids of those to whom their brokers said nothing new.
        """
        for account, _ in ended:
            self._told[account.account_id] = _PENDING if self.to_redis else _DISABLED
        if self.to_redis and quiet:
            published = work.published(sorted(quiet))
            self._told |= {one.account_id: SUCCESS for one in published}
        work.add_messages(
            sync_completed(
                account,
                result,
                self.tick_id,
                self.started,
                self._told[account.account_id],
                passing=account.account_id in quiet,
            )
            for account, result in ended
        )

    def completed(
        self, accounts: Iterable[Account], results: Mapping[int, AccountResult], redis_status: str
    ) -> dict[str, bytes]:
        """Return the bodies of notes that say something else of Redis, by message id."""
        differing = [
            one for one in accounts if self._told.get(one.account_id) not in (None, redis_status)
        ]
        told = (
            sync_completed(one, results[one.account_id], self.tick_id, self.started, redis_status)
            for one in differing
        )
        return {message.message_id: message.body for message in told}
