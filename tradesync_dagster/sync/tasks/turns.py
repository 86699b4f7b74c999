"""Taking the turns that are due: looking, claiming, doing, and writing what came of each.

A turn is claimed in a transaction of its own before it is done, and written in another when it
ended, so that whatever fails or is killed, the others are done, and nothing is done twice at once.
What belongs here: these steps, for all accounts. What does not: what is due
(``domain.task_schedules``), what a task does, alerts' words (``messages``).
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import TaskFailedError, TradesyncError
from tradesync_dagster.domain.heartbeats import TASKS, Heartbeat
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.ports import Clock, Store
from tradesync_dagster.domain.publications import OutboxMessage
from tradesync_dagster.domain.task_schedules import DAY, Agenda, Watched, due
from tradesync_dagster.domain.tasks import Due, Task, Turn, TurnState
from tradesync_dagster.domain.trading_hours import TradingHours
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.alerts import AlertRules
from tradesync_dagster.sync.tasks.executor import TaskExecutor, execute
from tradesync_dagster.sync.tasks.messages import missed_tasks, silent_service, task_failed
from tradesync_dagster.sync.telling import tell

_AT_ONCE = 4
"""Most accounts whose tasks are done at the same time."""
_GOOD_FOR = timedelta(minutes=5)
_LEASE = timedelta(minutes=15)
_SHORT_LEASE = timedelta(minutes=3)
"""Of the task that watches stops: the shorter, the sooner another takes over from one killed."""
_WORDS = 1_000
_log = logging.getLogger(__name__)
Executors = Callable[[Account], TaskExecutor]


@dataclass(frozen=True, slots=True)
class Turns:
    """Takes turns.

    Attributes:
        alerts: Who is told; ``None`` for nobody.
    """

    store: Store
    clock: Clock
    hours: TradingHours
    alerts: AlertRules | None

    def look(self, accounts: Sequence[Account], twins: Sequence[Account] = ()) -> Agenda:
        """See what is due, record and tell what was missed, and say that somebody looks.

        Args:
            accounts: Those whose tasks are to be done.
            twins: Paper twins, which have no tasks of their own; their services' silence is told.

        Returns:
            What is due, and what is newly missed.
        """
        now, ids = self.clock.now(), [one.account_id for one in accounts]
        with self.store.begin([]) as work:
            beats = work.heartbeats(ids)
            mine = {one.account_id: one for one in beats if one.service == TASKS}
            watched = [_watched(one, mine.get(one.account_id), now) for one in accounts]
            since = min((one.since(now) for one in watched), default=now) - DAY
            done = {turn.key: turn for turn in work.turns(ids, since)}
            agenda = due(watched, work.schedules(), done, now, self.hours)
            missed = [one for one in agenda.missed if work.miss(one, now)]
            work.beat(ids, TASKS, now, now + _GOOD_FOR)
            theirs = [
                one
                for one in work.heartbeats([twin.account_id for twin in twins])
                if one.service != TASKS
            ]
            told = _untold([*accounts, *twins], [*beats, *theirs], missed, now)
            self._tell(work, list(told))
        return Agenda(agenda.due, missed)

    def run(
        self, accounts: Sequence[Account], executors: Executors, twins: Sequence[Account] = ()
    ) -> list[Turn]:
        """Do what is due, accounts beside one another, an account's tasks in turn.

        Args:
            accounts: Those whose tasks are to be done.
            executors: Gives an account's.
            twins: See ``look``.

        Returns:
            The turns that were taken here, with what came of each.

        Raises:
            ExceptionGroup: Tasks ended in errors that nobody foresaw; the others are done, and
                those are recorded as failed.
        """
        agenda, by_id = self.look(accounts, twins), {one.account_id: one for one in accounts}
        groups = [list(found) for _, found in groupby(agenda.due, lambda one: one.account_id)]
        strange: list[Exception] = []

        def one_account(wanted: list[Due]) -> list[Turn]:
            account = by_id[wanted[0].account_id]
            return [
                turn
                for one in wanted
                if (turn := self._take(account, one, executors, strange)) is not None
            ]

        with ThreadPoolExecutor(max(1, min(_AT_ONCE, len(groups)))) as pool:
            done = [turn for turns in pool.map(one_account, groups) for turn in turns]
        if strange:
            raise ExceptionGroup("tasks ended in errors that nobody foresaw", strange)
        return done

    def _take(
        self, account: Account, wanted: Due, executors: Executors, strange: list[Exception]
    ) -> Turn | None:
        now = self.clock.now()
        lease = now + (_SHORT_LEASE if wanted.task is Task.SELL_MONITOR else _LEASE)
        with self.store.begin([]) as work:
            if not work.claim(wanted, now, lease):
                return None
        turn = Turn(
            *wanted.key, wanted.due_at, TurnState.RUNNING, now, lease, None, wanted.attempts + 1
        )
        try:
            day = trade_date_of(wanted.due_at)
            detail = execute(executors(account), wanted.task, day)
        except TaskFailedError as error:
            turn = replace(turn, state=TurnState.FAILED, words=str(error), detail=error.detail)
        except TradesyncError as error:
            turn = replace(turn, state=TurnState.FAILED, words=str(error))
        except Exception as error:  # noqa: BLE001 - stops no other task; raised again at the end
            _log.exception("%s: %s failed", account.key, wanted.task)
            words = f"an error that nobody foresaw, {type(error).__name__}; see the run's log"
            turn = replace(turn, state=TurnState.FAILED, words=words)
            strange.append(error)
        else:
            turn = replace(turn, state=TurnState.DONE, detail=detail)
        return self._end(account, turn)

    def _end(self, account: Account, turn: Turn) -> Turn:
        ended = replace(turn, ended_at=self.clock.now(), words=turn.words[:_WORDS])
        with self.store.begin([]) as work:
            mine = work.end_turn(ended)
            if mine and ended.state is TurnState.FAILED:
                self._tell(work, [task_failed(account, ended)])
        return ended

    def _tell(self, work: UnitOfWork, messages: Sequence[OutboxMessage]) -> None:
        if messages and self.alerts is not None:
            tell(work, messages, self.alerts.addresses)


def _watched(account: Account, beat: Heartbeat | None, now: datetime) -> Watched:
    if beat is None:
        return Watched(account, now, now)
    return Watched(account, beat.began_at, beat.beat_at)


def _untold(
    accounts: Sequence[Account], beats: Sequence[Heartbeat], missed: Sequence[Due], now: datetime
) -> Iterator[OutboxMessage]:
    by_id = {one.account_id: one for one in accounts}
    for account_id, found in groupby(missed, lambda one: one.account_id):
        yield missed_tasks(by_id[account_id], list(found), now)
    for beat in beats:
        if beat.is_stale(now):
            yield silent_service(by_id[beat.account_id], beat, now)
