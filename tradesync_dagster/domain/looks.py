"""What one look at an account asked, what came, and what was therefore decided.

Kept as proof that a reconciliation was complete, or why it was not. What belongs here: the record
and the decision. What does not: asking (``sync.fetching``), applying (``sync.applying``), for how
long records are kept (``sync.cycle``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from tradesync_dagster.domain.answers import Fetch, Outcome
from tradesync_dagster.domain.book_states import BookState

States = Mapping[tuple[int, str], BookState]
"""The last applied answers, by account id and kind."""


class Decision(StrEnum):
    """What became of an answer."""

    APPLIED = "applied"
    NOTHING_NEW = "nothing_new"
    OLDER = "ignored_older"
    QUARANTINED = "quarantined"
    INCOMPLETE = "not_complete"
    REFUSED = "refused"


_TAKEN = frozenset({Decision.APPLIED, Decision.NOTHING_NEW})


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one account.

    Attributes:
        asked_at: When its order book was asked for, UTC; names the look of this account.
        tick_id: The tick that it belongs to.
        complete: Whether every answer was whole, none of their rows was refused, and the books
            took them.
        candidates: Orders of its day that may be external, after the look.
        confirmed: Orders that this look confirmed as external.
        answers: One an answer, orders first, as ``answer_records`` writes it.
    """

    account_id: int
    asked_at: datetime
    tick_id: str
    complete: bool
    candidates: int
    confirmed: int
    answers: tuple[dict[str, Any], ...]

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to tell of it but that whole answers were taken."""
        taken = all(a["decision"] in _TAKEN for a in self.answers)
        return taken and self.complete and not self.candidates and not self.confirmed


def decide(fetch: Fetch[Any], last: BookState | None) -> Decision:
    """Tell what an answer may do, by itself.

    Args:
        fetch: The answer.
        last: The last one of its kind that was applied.

    Returns:
        ``APPLIED`` or ``NOTHING_NEW`` for one that may change something; detection looks at both,
        since time alone can confirm an order.
    """
    if fetch.outcome is not Outcome.COMPLETE:
        return Decision.INCOMPLETE
    if last is not None and fetch.requested_at <= last.requested_at:
        return Decision.OLDER
    same = (
        last is not None
        and last.payload_hash == fetch.payload_hash
        and last.trade_date == fetch.trade_date
    )
    return Decision.NOTHING_NEW if same else Decision.APPLIED


def usable(fetch: Fetch[Any], account_id: int, states: States) -> bool:
    """Tell whether an answer is whole and newer than the last one that was applied."""
    return _decision(fetch, account_id, states) in _TAKEN


def is_new(fetch: Fetch[Any], account_id: int, states: States) -> bool:
    """Tell whether an answer is usable and says something else than the last one."""
    return _decision(fetch, account_id, states) is Decision.APPLIED


def _decision(fetch: Fetch[Any], account_id: int, states: States) -> Decision:
    return decide(fetch, states.get((account_id, fetch.kind)))


def answer_records(
    account_id: int, fetches: Iterable[Fetch[Any]], states: States, quarantined: str
) -> tuple[dict[str, Any], ...]:
    """Write the answers of a look for the record.

    Args:
        account_id: Whose.
        fetches: The answers.
        states: What was applied before.
        quarantined: Why the order book was not believed; empty where it was.

    Returns:
        JSON-ready values: kind, outcome, counts (none of rows that were not read again), time
        (UTC), seconds as text and the decision, and hash, kind of error and reason where there are
        any.
    """
    disbelieved = Decision.QUARANTINED if quarantined else None
    return tuple(
        _record(fetch, disbelieved or _decision(fetch, account_id, states), quarantined)
        if fetch.kind == "orders"
        else _record(fetch, _decision(fetch, account_id, states))
        for fetch in asked(fetches)
    )


def refused_look(account_id: int, fetches: Sequence[Fetch[Any]], tick_id: str, reason: str) -> Look:
    """Write down a look that the books refused, so that nothing was decided.

    Args:
        account_id: Whose.
        fetches: The answers, orders first.
        tick_id: The tick that it belongs to.
        reason: The books' words.
    """
    answers = tuple(
        _record(fetch, Decision.REFUSED, reason)
        if fetch.outcome is Outcome.COMPLETE
        else _record(fetch, Decision.INCOMPLETE)
        for fetch in asked(fetches)
    )
    return Look(account_id, fetches[0].requested_at, tick_id, False, 0, 0, answers)  # noqa: FBT003 - complete


def _record(fetch: Fetch[Any], decision: Decision, reason: str = "") -> dict[str, Any]:
    more = {"payload_hash": fetch.payload_hash, "error": fetch.error_kind, "reason": reason}
    return {
        "kind": fetch.kind,
        "outcome": fetch.outcome.value,
        "rows": None if fetch.unread else len(fetch.rows),
        "rejects": len(fetch.rejects),
        "requested_at": fetch.requested_at.isoformat(timespec="milliseconds"),
        "seconds": f"{fetch.seconds:.3f}",
        "decision": decision.value,
    } | {name: value for name, value in more.items() if value}


def is_complete(fetches: Iterable[Fetch[Any]]) -> bool:
    """Tell whether the answers that were asked for are whole, with no row refused."""
    return all(f.outcome is Outcome.COMPLETE and not f.rejects for f in asked(fetches))


def asked(fetches: Iterable[Fetch[Any]]) -> Iterator[Fetch[Any]]:
    """Leave out what was not asked for."""
    return (fetch for fetch in fetches if fetch.outcome is not Outcome.NOT_ASKED)
