"""The one executor of the seven tasks, on paper and live alike.

What belongs here: the Protocol, and handing each task to its module. What does not: which broker
the orders reach: that is the account it is given, its own or its paper twin's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.tasks import Task
from tradesync_dagster.sync.tasks.analysis import analyse
from tradesync_dagster.sync.tasks.buy_orders import buy
from tradesync_dagster.sync.tasks.desk import Desk, Job
from tradesync_dagster.sync.tasks.eod_cleanup import clean_up
from tradesync_dagster.sync.tasks.position_monitor import watch_positions
from tradesync_dagster.sync.tasks.premarket_amo_adjustment import adjust_amo_quantities
from tradesync_dagster.sync.tasks.premarket_retry import retry_failed
from tradesync_dagster.sync.tasks.sell_monitor import watch_exits

Done = Mapping[str, Any]
"""What came of a task, JSON-ready."""


class TaskExecutor(Protocol):
    """Does the tasks of one account.

    Every task may be done again after it was interrupted: orders are placed under keys that a
    repetition finds. Each raises ``TradesyncError`` where it could not do all of its work.
    """

    def premarket_retry(self, day: date) -> Done:
        """Work the retry queue."""
        ...

    def premarket_amo_adjustment(self, day: date) -> Done:
        """Fit the quantities of waiting orders to the capital and the latest prices."""
        ...

    def sell_monitor(self, day: date) -> Done:
        """Sell what has reached its target or stop."""
        ...

    def position_monitor(self, day: date) -> Done:
        """Mark to market, hold positions against their limits, and alert."""
        ...

    def analysis(self, day: date) -> Done:
        """Ask the strategies what to buy."""
        ...

    def buy_orders(self, day: date) -> Done:
        """Turn what they wish into orders."""
        ...

    def eod_cleanup(self, day: date) -> Done:
        """End the day's orders and square its books."""
        ...


@dataclass(frozen=True, slots=True)
class Executor:
    """Does the tasks of an account through its own broker, or through its paper twin."""

    desk: Desk
    account: Account
    books: Account

    def premarket_retry(self, day: date) -> Done:
        """See ``TaskExecutor``."""
        return retry_failed(self._job(day))

    def premarket_amo_adjustment(self, day: date) -> Done:
        """See ``TaskExecutor``."""
        return adjust_amo_quantities(self._job(day))

    def sell_monitor(self, day: date) -> Done:
        """See ``TaskExecutor``."""
        return watch_exits(self._job(day))

    def position_monitor(self, day: date) -> Done:
        """See ``TaskExecutor``."""
        return watch_positions(self._job(day))

    def analysis(self, day: date) -> Done:
        """See ``TaskExecutor``."""
        return analyse(self._job(day))

    def buy_orders(self, day: date) -> Done:
        """See ``TaskExecutor``."""
        return buy(self._job(day))

    def eod_cleanup(self, day: date) -> Done:
        """See ``TaskExecutor``."""
        return clean_up(self._job(day))

    def _job(self, day: date) -> Job:
        return Job(self.desk, self.account, self.books, day)


def execute(executor: TaskExecutor, task: Task, day: date) -> Done:
    """Do one task."""
    done: Done = getattr(executor, task.value)(day)
    return done
