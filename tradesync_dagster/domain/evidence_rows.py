"""What the sync asks of the store about answers, and what came of them.

What belongs here: the protocol. What does not: its tables (``store.evidence``), judging answers
(``looks``, ``external``, ``reconciliation``).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from tradesync_dagster.domain.answers import Payload, Reject
from tradesync_dagster.domain.book_states import BookState
from tradesync_dagster.domain.breaks import Break, KnownBreak
from tradesync_dagster.domain.looks import Look
from tradesync_dagster.domain.quiet_looks import QuietLooks


class EvidenceRows(Protocol):
    """What brokers sent and what came of it."""

    def states(self, account_ids: Sequence[int]) -> list[BookState]:
        """Read the last applied answers."""
        ...

    def put_states(self, states: Iterable[BookState]) -> None:
        """Insert or replace last applied answers."""
        ...

    def payloads(self, hashes: Collection[str]) -> dict[str, bytes]:
        """Read kept payloads by hash; one that is not kept any more is left out."""
        ...

    def add_payloads(self, payloads: Iterable[Payload], at: datetime) -> None:
        """Keep raw payloads by hash; one that is there is dated, and held if it is now."""
        ...

    def add_rejects(self, rejects: Iterable[tuple[int, str, Reject]], at: datetime) -> None:
        """Keep (account_id, kind, reject) in quarantine; the same again is dated and counted."""
        ...

    def breaks(
        self, account_ids: Sequence[int], kinds: Sequence[str], *, unresolved: bool = False
    ) -> list[KnownBreak]:
        """Read the breaks of some kinds, resolved ones too unless told otherwise."""
        ...

    def put_known_breaks(self, breaks: Iterable[KnownBreak]) -> None:
        """Insert or replace breaks as they are."""
        ...

    def put_breaks(self, breaks: Iterable[Break]) -> None:
        """Insert breaks as open, or date, count and update those there; a resolved one reopens."""
        ...

    def open_questions(self, account_ids: Sequence[int]) -> set[int]:
        """Name the accounts with differences that are not gone, or placements without an answer."""
        ...

    def add_looks(self, looks: Iterable[Look]) -> None:
        """Record looks."""
        ...

    def forget_looks(self, account_ids: Sequence[int], before: datetime) -> None:
        """Forget the accounts' looks of before a moment, UTC."""
        ...

    def add_quiet_looks(self, looks: Iterable[QuietLooks]) -> None:
        """Record looks that brought nothing."""
        ...

    def put_results(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Record the outcome of a sync for each account."""
        ...

    def last_results(self, account_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Read the outcome of each account's latest sync; one never synced has none."""
