"""What people are told of tasks and services: missed turns, failures, silence.

What belongs here: the alerts' words and names. What does not: when they are told (``turns``).
"""

from collections.abc import Sequence
from datetime import datetime

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.heartbeats import Heartbeat
from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.publications import OutboxMessage
from tradesync_dagster.domain.tasks import Due, Turn
from tradesync_dagster.sync.documents import alert, timestamp

MISSED, FAILED, SILENT = "tasks_missed", "task_failed", "service_silent"
_MOST_NAMED = 10


def missed_tasks(account: Account, missed: Sequence[Due], at: datetime) -> OutboxMessage:
    """Write that turns were not taken; each is told of once."""
    named = [f"{one.task} of {_when(one.due_at)}{_how(one)}" for one in missed[:_MOST_NAMED]]
    more = f" and {len(missed) - _MOST_NAMED} more" if len(missed) > _MOST_NAMED else ""
    details = {
        "message": f"{account.key}: not done in time: {', '.join(named)}{more}",
        "tasks": [
            {"task": one.task.value, "slot": one.slot, "due_at": timestamp(one.due_at)}
            for one in missed
        ],
    }
    first = missed[0]
    name = f"{MISSED}|{account.account_id}|{first.task}|{first.slot}|{first.attempts}"
    return alert(MISSED, account, name, at, details)


def task_failed(account: Account, turn: Turn) -> OutboxMessage:
    """Write that a task failed; once a slot, which of a continuous task is its day."""
    details = {
        "message": f"{account.key}: {turn.task} of {_when(turn.due_at)} failed: {turn.words}",
        "task": turn.task.value,
        "slot": turn.slot,
    }
    name = f"{FAILED}|{account.account_id}|{turn.task}|{turn.slot}"
    return alert(FAILED, account, name, turn.ended_at or turn.due_at, details)


def silent_service(account: Account, beat: Heartbeat, at: datetime) -> OutboxMessage:
    """Write that a service gives no sign of life; once, until it has given one again."""
    details = {
        "message": f"{account.key}: {beat.service} has given no sign of life since "
        f"{_when(beat.beat_at)}, and should have by {_when(beat.good_until)}",
        "service": beat.service,
        "last_beat": timestamp(beat.beat_at),
    }
    name = f"{SILENT}|{account.account_id}|{beat.service}|{beat.beat_at.isoformat()}"
    return alert(SILENT, account, name, at, details)


def _when(at: datetime) -> str:
    return f"{at.astimezone(IST):%Y-%m-%d %H:%M} IST"


def _how(one: Due) -> str:
    return " (begun, never ended)" if one.interrupted else ""
