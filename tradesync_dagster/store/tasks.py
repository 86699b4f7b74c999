"""The desk's tasks in the store: schedules, turns and their claims, heartbeats.

What belongs here: what a transaction over these ``task_tables`` does. What does not: what is due
(``domain.task_schedules``), mandates and signals (``mandates``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Insert, delete, select, update

from tradesync_dagster.domain.heartbeats import Heartbeat
from tradesync_dagster.domain.task_schedules import Repeat, Schedule
from tradesync_dagster.domain.tasks import Due, Task, Turn, TurnState
from tradesync_dagster.store.rows import Repository, insert_into, upsert
from tradesync_dagster.store.task_tables import heartbeats, task_schedules, task_turns

_MINUTE = timedelta(minutes=1)
_KEY = ("account_id", "task", "slot")


class Tasks(Repository):
    """Reads and writes schedules, turns and heartbeats."""

    def schedules(self) -> list[Schedule]:
        """See ``task_rows.TaskRows``."""
        table = task_schedules
        rows = self._connection.execute(select(table).order_by(table.c.scope, table.c.task))
        return [_schedule(row) for row in rows.mappings()]

    def put_schedule(self, schedule: Schedule) -> None:
        """See ``task_rows.TaskRows``."""
        row = {
            "scope": schedule.scope,
            "task": schedule.task.value,
            "enabled": schedule.enabled,
            "start_time": schedule.start,
            "end_time": schedule.end,
            "repeats": schedule.repeats.value,
            "grace_minutes": schedule.grace // _MINUTE,
            "changed_at": schedule.changed_at,
            "who": schedule.who,
        }
        upsert(self._connection, task_schedules, [row])

    def drop_schedule(self, scope: str, task: str) -> bool:
        """See ``task_rows.TaskRows``."""
        where = (task_schedules.c.scope == scope, task_schedules.c.task == task)
        return self._connection.execute(delete(task_schedules).where(*where)).rowcount > 0

    def turns(self, account_ids: Sequence[int], since: datetime) -> list[Turn]:
        """See ``task_rows.TaskRows``."""
        table = task_turns
        query = (
            select(table)
            .where(table.c.due_at >= since, table.c.account_id.in_(account_ids))
            .order_by(table.c.due_at.desc(), table.c.account_id, table.c.task)
        )
        return [_turn(row) for row in self._connection.execute(query).mappings()]

    def claim(self, wanted: Due, now: datetime, lease_until: datetime) -> bool:
        """See ``task_rows.TaskRows``; of two who read the same, the key or the count lets one."""
        row = _row(wanted) | {
            "state": TurnState.RUNNING.value,
            "started_at": now,
            "lease_until": lease_until,
            "ended_at": None,
            "attempts": wanted.attempts + 1,
            "words": "",
            "detail": {},
        }
        changes = {name: value for name, value in row.items() if name not in _KEY}
        statement = insert_into(self._connection, task_turns).values(row).on_conflict_do_update(
            index_elements=_KEY,
            set_=changes,
            where=task_turns.c.attempts == wanted.attempts,
        )  # fmt: skip
        return self._changed(statement)

    def end_turn(self, turn: Turn) -> bool:
        """See ``task_rows.TaskRows``."""
        table = task_turns
        statement = (
            update(table)
            .where(
                table.c.account_id == turn.account_id,
                table.c.task == turn.task.value,
                table.c.slot == turn.slot,
                table.c.attempts == turn.attempts,
            )
            .values(
                state=turn.state.value, ended_at=turn.ended_at, lease_until=None,
                words=turn.words, detail=dict(turn.detail),
            )
        )  # fmt: skip
        return self._connection.execute(statement).rowcount > 0

    def miss(self, missed: Due, now: datetime) -> bool:
        """See ``task_rows.TaskRows``."""
        state = TurnState.INTERRUPTED if missed.interrupted else TurnState.MISSED
        row = _row(missed) | {
            "state": state.value,
            "ended_at": now,
            "attempts": missed.attempts,
            "words": "",
            "detail": {},
        }
        statement = insert_into(self._connection, task_turns).values(row).on_conflict_do_update(
            index_elements=_KEY,
            set_={"state": state.value, "ended_at": now, "lease_until": None},
            where=(task_turns.c.attempts == missed.attempts)
            & (task_turns.c.state == TurnState.RUNNING.value),
        )  # fmt: skip
        return self._changed(statement)

    def forget_turns(self, before: datetime) -> int:
        """See ``task_rows.TaskRows``."""
        statement = delete(task_turns).where(task_turns.c.due_at < before)
        return self._connection.execute(statement).rowcount

    def beat(
        self, account_ids: Sequence[int], service: str, at: datetime, good_until: datetime
    ) -> None:
        """See ``heartbeats.HeartbeatRows``."""
        rows = [
            {
                "account_id": account_id,
                "service": service,
                "began_at": at,
                "beat_at": at,
                "good_until": good_until,
            }
            for account_id in sorted(account_ids)
        ]
        upsert(self._connection, heartbeats, rows, keep=("began_at",))

    def begin_anew(self, account_id: int, at: datetime) -> None:
        """See ``heartbeats.HeartbeatRows``."""
        known = [(one, one.good_until - one.beat_at) for one in self.heartbeats([account_id])]
        anew = [
            replace(one, began_at=at, beat_at=at, good_until=at + promised)
            for one, promised in known
        ]
        upsert(self._connection, heartbeats, map(asdict, anew))

    def heartbeats(self, account_ids: Sequence[int]) -> list[Heartbeat]:
        """See ``heartbeats.HeartbeatRows``."""
        table = heartbeats
        query = select(table).where(table.c.account_id.in_(account_ids))
        rows = self._connection.execute(query.order_by(table.c.account_id, table.c.service))
        return [Heartbeat(**row) for row in rows.mappings()]

    def _changed(self, statement: Insert) -> bool:
        found = self._connection.execute(statement.returning(task_turns.c.slot))
        return found.first() is not None


def _row(turn: Due) -> dict[str, Any]:
    return {
        "account_id": turn.account_id,
        "task": turn.task.value,
        "slot": turn.slot,
        "due_at": turn.due_at,
    }


def _schedule(row: Mapping[Any, Any]) -> Schedule:
    return Schedule(
        scope=row["scope"],
        task=Task(row["task"]),
        start=row["start_time"],
        repeats=Repeat(row["repeats"]),
        end=row["end_time"],
        grace=row["grace_minutes"] * _MINUTE,
        enabled=row["enabled"],
        changed_at=row["changed_at"],
        who=row["who"],
    )


def _turn(row: Mapping[Any, Any]) -> Turn:
    return Turn(**{**row, "task": Task(row["task"]), "state": TurnState(row["state"])})
