"""Whether an account's session at its broker works, and since when not.

A session that ended is told once, however many ticks meet it: the message is named by the account
and the tick that met it first, and that tick is handed on from result to result until the broker
answers again. What belongs here: following a session from tick to tick. What does not: how a
broker says that it ended (``brokers``), the message's shape (``documents``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from tradesync_dagster.domain.answers import Outcome
from tradesync_dagster.domain.errors import SessionExpiredError
from tradesync_dagster.domain.publications import OutboxMessage
from tradesync_dagster.domain.results import AccountResult
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.documents import session_expired
from tradesync_dagster.sync.fetching import Answers


def follow_sessions(
    work: UnitOfWork, looks: Sequence[Answers], results: Sequence[AccountResult], tick_id: str
) -> list[AccountResult]:
    """Write into results in which tick each session ended, where it has.

    Args:
        work: A transaction, before these results are put.
        looks: What the brokers said.
        results: What came of it, in the same order.
        tick_id: This tick.

    Returns:
        The results. Where a broker gave no answer, nothing is known that was not known before.
    """
    unsure = [look.account.account_id for look in looks if _refusal(look) or not _answered(look)]
    before = work.last_results(unsure) if unsure else {}
    followed = []
    for look, result in zip(looks, results, strict=True):
        since = before.get(result.account_id, {}).get("session_ended") or ""
        followed.append(replace(result, session_ended=since or (tick_id if _refusal(look) else "")))
    return followed


def session_alerts(
    looks: Sequence[Answers], results: Sequence[AccountResult], tick_id: str, at: datetime
) -> Iterator[OutboxMessage]:
    """Write what tells of the sessions that ended in this tick."""
    for look, result in zip(looks, results, strict=True):
        if result.session_ended == tick_id:
            yield session_expired(look.account, _refusal(look), tick_id, at)


def _refusal(look: Answers) -> str:
    """Return the sentence in which the broker refused the session; empty if it did not."""
    kind = SessionExpiredError.__name__
    return next((fetch.error for fetch in look.all if fetch.error_kind == kind), "")


def _answered(look: Answers) -> bool:
    return any(fetch.outcome is Outcome.COMPLETE for fetch in look.all)
