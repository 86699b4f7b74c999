"""Closing by itself what detection once found: breaks live as long as what made them.

Each kind is settled where the same evidence is looked at again, and only there: a book that was not
believed, or does not hold the order, says nothing. What belongs here: which breaks an occasion
settles. What does not: finding them (``domain``), the three-way check (``reconciling``).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from tradesync_dagster.domain.breaks import (
    FILL_CHANGED,
    Break,
    BreakState,
    KnownBreak,
    fill_subject,
    resolved,
    settle,
)
from tradesync_dagster.domain.expiry import EXPIRED_WITHOUT_WORD
from tradesync_dagster.domain.external import MAY_BE_OURS, SHRANK, Detection
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.resolving import KINDS as OF_PLACEMENTS
from tradesync_dagster.domain.unit_of_work import UnitOfWork

DETECTED = (SHRANK, MAY_BE_OURS, EXPIRED_WITHOUT_WORD, *OF_PLACEMENTS)
"""The kinds of breaks that believed order books end."""


def settle_kind(
    work: UnitOfWork, account_ids: Sequence[int], kind: str, found: Iterable[Break], at: datetime
) -> None:
    """Keep what a check of whole accounts found of one kind, and close what it did not.

    Args:
        work: A transaction with the accounts' lease.
        account_ids: The accounts that were checked.
        kind: Of which the check finds every break there is.
        found: Its breaks; they are open at once.
        at: UTC.
    """
    known = work.breaks(account_ids, [kind])
    work.put_known_breaks(settle(known, found, at, first=BreakState.OPEN))


def settle_where(
    work: UnitOfWork,
    account_ids: Sequence[int],
    kinds: Sequence[str],
    gone: Callable[[KnownBreak], bool],
    at: datetime,
) -> None:
    """Close those open breaks of some kinds that an occasion shows to be gone."""
    known = work.breaks(account_ids, kinds, unresolved=True) if account_ids else []
    work.put_known_breaks(resolved((each for each in known if gone(each)), at))


def settle_detection(
    work: UnitOfWork, believed: Mapping[int, tuple[datetime, Detection]], at: datetime
) -> None:
    """Close what believed order books show to be gone.

    A book that holds every order of its day again ends the loss of that day. An order that a book
    holds and that no open placement of ours fits any more was claimed, confirmed, or its placement
    was answered. Doubts about a placement end with its answer, that it is missing with its row,
    and that it is there twice when only one of its orders may still trade or has traded. A book
    asked for before a break was last seen does not end it.

    Args:
        work: A transaction with the accounts' lease.
        believed: When each account's book was asked for, and what was found in it; none of them
            was quarantined.
        at: UTC.
    """

    def gone(each: KnownBreak) -> bool:
        asked_at, found = believed[each.account_id]
        return (each.kind, each.subject) in found.settled and each.last_seen_at < asked_at

    settle_where(work, sorted(believed), DETECTED, gone, at)


def settle_fills(
    work: UnitOfWork,
    sent: Iterable[tuple[int, Fill]],
    differing: Iterable[tuple[int, Fill, Fill]],
    at: datetime,
    source: str,
) -> None:
    """Close what a source said otherwise of fills that it now reports as the books have them.

    Args:
        work: A transaction with the accounts' lease.
        sent: (account id, fill) that were handed to the store.
        differing: What ``AddedFills`` tells of them.
        at: UTC.
        source: Who sent them.
    """
    agreeing: dict[int, set[str]] = {}
    for account_id, fill in sent:
        agreeing.setdefault(account_id, set()).add(fill_subject(fill))
    for account_id, _, fill in differing:
        agreeing[account_id].discard(fill_subject(fill))

    def gone(each: KnownBreak) -> bool:
        told = each.evidence.get("source") == source
        return told and each.subject in agreeing[each.account_id]

    settle_where(work, sorted(agreeing), (FILL_CHANGED,), gone, at)
