"""What the faces may ask about the desk's tasks: schedules, turns, heartbeats, running.

What belongs here: keys of accounts, rows for people. What does not: when a task is due
(``domain.task_schedules``), what it does (``sync.tasks``), its doors (``task_desk``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import time, timedelta
from typing import Any

from tradesync_dagster.bootstrap.accounts import in_scope
from tradesync_dagster.bootstrap.task_desk import TaskDesk
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import ScheduleRefusedError
from tradesync_dagster.domain.heartbeats import TASKS
from tradesync_dagster.domain.order_requests import plain
from tradesync_dagster.domain.task_schedules import (
    DAY,
    LOOK_BACK,
    MINUTE,
    Agenda,
    Repeat,
    Schedule,
    moved,
    schedule_of,
)
from tradesync_dagster.domain.tasks import Task, Turn
from tradesync_dagster.sync.tasks.executor import Executor
from tradesync_dagster.sync.tasks.turns import Turns

Row = dict[str, Any]
Rows = list[Row]
MOST_LISTED = 1_000


@dataclass(frozen=True, slots=True)
class Tasks:
    """The desk's tasks."""

    desk: TaskDesk

    def look(self) -> Agenda:
        """See what is due and what was missed; see ``sync.tasks.turns.Turns.look``."""
        return self._turns().look(*self._accounts())

    def run(self) -> list[Turn]:
        """Do what is due; see ``sync.tasks.turns.Turns.run``."""
        accounts, twins = self._accounts()
        return self._turns().run(accounts, self.executor, twins)

    def executor(self, account: Account) -> Executor:
        """Return what does an account's tasks, through its broker or its paper twin."""
        return Executor(self.desk, account, self.desk.books(account))

    def forget(self) -> int:
        """Delete turns that are older than what is kept, and than what looks go through."""
        kept = timedelta(days=self.desk.reading.settings.retention_days)
        age = max(kept, LOOK_BACK + 2 * DAY)
        with self.desk.store.begin([]) as work:
            return work.forget_turns(self.desk.clock.now() - age)

    def schedules(self, account: str | None = None, organization: str | None = None) -> Rows:
        """List schedules: those that hold for an account, or all of an organization, or all."""
        with self.desk.store.look() as work:
            found = work.schedules()
        if account is not None:
            (chosen,) = self.desk.reading.chosen(account)
            held = (schedule_of(chosen, task, found) for task in Task)
            return [_row(one) for one in held if one is not None]
        order = {task: place for place, task in enumerate(Task)}
        known = [
            one
            for one in sorted(found, key=lambda one: (one.scope, order[one.task]))
            if organization is None or one.scope.partition("/")[0] in ("", organization)
        ]
        return [_row(one) for one in known]

    def set_schedule(self, scope: str, task: Task, changes: Mapping[str, Any], who: str) -> Row:
        """Change a schedule from now on; one of a narrower scope begins as the wider one is.

        Args:
            scope: Empty for all accounts, an organization, or ``ORG/ACCOUNT``.
            task: Which.
            changes: Some of ``enabled``, ``start``, ``end``, ``repeats``, ``grace``.
            who: Who does it.

        Returns:
            The schedule, as ``schedules`` lists it.

        Raises:
            AccountNotFoundError: There is no such organization or account.
            ValueRefusedError: A change is out of its bounds.
        """
        plain("who", who)
        account = self._in(scope)
        with self.desk.store.begin([]) as work:
            known = [one for one in work.schedules() if one.scope in _wider(scope)]
            before = schedule_of(account, task, known) or Schedule(scope, task, time(9, 0))
            new = moved(replace(before, scope=scope), self.desk.clock.now(), who, **changes)
            work.put_schedule(new)
        return _row(new)

    def reset_schedule(self, scope: str, task: Task) -> bool:
        """Delete the schedule of an organization or account, so that the wider one holds.

        Raises:
            ScheduleRefusedError: It is that of all accounts.
        """
        if not scope:
            raise ScheduleRefusedError("the schedule of all accounts stays; change or disable it")
        with self.desk.store.begin([]) as work:
            return work.drop_schedule(scope, task.value)

    def schedule(self, scope: str, task: Task) -> Row:
        """Show the schedule that holds for an organization or account.

        Raises:
            AccountNotFoundError: There is no such organization or account.
        """
        account = self._in(scope)
        with self.desk.store.look() as work:
            known = [one for one in work.schedules() if one.scope in _wider(scope)]
        return _row(schedule_of(account, task, known) or Schedule("", task, time(9, 0)))

    def turns(
        self, account: str | None = None, organization: str | None = None, days: int = 1
    ) -> Rows:
        """List turns of the last days, latest first."""
        keys = self._keys(account, organization)
        since = self.desk.clock.now() - days * DAY
        with self.desk.store.look() as work:
            found = work.turns(list(keys), since)[:MOST_LISTED]
        return [turn_row(keys[one.account_id], one) for one in found]

    def heartbeats(self, account: str | None = None, organization: str | None = None) -> Rows:
        """List signs of life by enabled account and service; nobody works for a disabled one.

        Nobody does tasks of a paper twin: they are done for its account.
        """
        twins = self._twins()
        at_work = {one.account_id for one in self.desk.store.accounts()}
        keys, now = self._keys(account, organization), self.desk.clock.now()
        with self.desk.store.look() as work:
            found = work.heartbeats(sorted(at_work & set(keys)))
        return [
            {
                "account": keys[one.account_id],
                "service": one.service,
                "last_beat": one.beat_at.isoformat(),
                "good_until": one.good_until.isoformat(),
                "stale": one.is_stale(now),
            }
            for one in found
            if one.service != TASKS or one.account_id not in twins
        ]

    def _turns(self) -> Turns:
        desk = self.desk
        return Turns(desk.store, desk.clock, desk.hours, desk.alerts)

    def _accounts(self) -> tuple[list[Account], list[Account]]:
        """Return the enabled accounts, and apart paper twins, which have no tasks of their own."""
        twins, enabled = self._twins(), self.desk.store.accounts()
        return (
            [one for one in enabled if one.account_id not in twins],
            [one for one in enabled if one.account_id in twins],
        )

    def _twins(self) -> set[int]:
        with self.desk.store.look() as work:
            return {one.twin_id for one in work.routes()}

    def _in(self, scope: str) -> Account:
        """Return an account of a scope, real or the one that stands for a whole of them."""
        in_scope(self.desk.store, scope)
        organization, _, name = scope.partition("/")
        return Account(0, organization, name, "")

    def _keys(self, account: str | None, organization: str | None) -> dict[int, str]:
        return {
            one.account_id: one.key
            for one in self.desk.reading.chosen(account)
            if organization in (None, one.organization_id)
        }


def _wider(scope: str) -> set[str]:
    return {"", scope.partition("/")[0], scope}


def _row(one: Schedule) -> Row:
    return {
        "scope": one.scope,
        "task": one.task.value,
        "enabled": one.enabled,
        "start": f"{one.start:%H:%M}",
        "end": None if one.repeats is Repeat.ONCE else f"{one.until:%H:%M}",
        "repeats": one.repeats.value,
        "grace_minutes": one.grace // MINUTE,
        "changed_at": one.changed_at.isoformat(),
        "who": one.who,
    }


def turn_row(account: str, one: Turn) -> Row:
    """Write a turn for people and programs."""
    times = {
        name: value.isoformat() if value else None
        for name, value in (("started_at", one.started_at), ("ended_at", one.ended_at))
    }
    return {
        "account": account,
        "task": one.task.value,
        "slot": one.slot,
        "due_at": one.due_at.isoformat(),
        "state": one.state.value,
        **times,
        "attempts": one.attempts,
        "words": one.words,
        "detail": dict(one.detail),
    }
