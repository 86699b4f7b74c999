"""The desk's tasks in Dagster: looked at every minute, done in one run for all that is due.

What belongs here: the asset, the job, the schedule, how turns read in a run. What does not: when a
task is due (``domain.task_schedules``), claiming and doing (``sync.tasks``).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.bootstrap.tasks import turn_row
from tradesync_dagster.defs.desk_pages import account_link, page_link
from tradesync_dagster.defs.runs import BEFORE_TICKS, run_under_way
from tradesync_dagster.defs.upkeep import OWNERS, TRADING
from tradesync_dagster.domain.task_schedules import Agenda
from tradesync_dagster.domain.tasks import Task, Turn, TurnState

_MOST_ROWS = 500
_COLUMNS = ("account", "task", "slot", "state", "attempts", "words", "detail")


@dg.asset(
    group_name="tasks",
    kinds={"sql"},
    owners=OWNERS,
    freshness_policy=TRADING,
    output_required=False,
    description="The desk's seven tasks, account by account: retries and AMO quantities before the "
    "opening, exits and limits through the session, analysis, buys and the day's end after it. "
    "Recorded when a run has done some: which, of which account, and what came of each.",
)
def task_turns(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """Do what is due; each account's once-a-day and hourly tasks are observed beside the table."""
    done = services.tasks().run()
    keys = {one.account_id: one.key for one in services.store.accounts(enabled_only=False)}
    for turn in done:
        key = keys[turn.account_id]
        context.log.info("%s: %s of %s: %s", key, turn.task, turn.slot, turn.state)
        if turn.task is not Task.SELL_MONITOR or turn.state is TurnState.FAILED:
            context.log_event(_observation(key, turn))
    if done:
        yield dg.MaterializeResult(metadata=figures(keys, done))


run_tasks = dg.define_asset_job(
    "run_tasks",
    selection=dg.AssetSelection.assets(task_turns),
    executor_def=dg.in_process_executor,
    description="Does the desk's tasks that are due now, of all enabled accounts.",
)


@dg.schedule(
    job=run_tasks,
    name="tasks_every_minute",
    cron_schedule="* * * * *",
    execution_timezone="Asia/Kolkata",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Looks every minute at the schedules in the books, and asks for one run for all "
    "that is due. What could not be done in time is recorded as missed and told; so are services "
    "without a sign of life.",
)
def tasks_every_minute(
    context: dg.ScheduleEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.RunRequest | dg.SkipReason:
    """Ask for one run, unless one is under way: it is followed by the next minute's."""
    if not services.settings.tasks_enabled:
        return dg.SkipReason("TRADESYNC_TASKS_ENABLED is false.")
    agenda = services.tasks().look()
    if not agenda.due:
        return dg.SkipReason(_nothing(agenda))
    if run_under_way(context.instance, run_tasks.name):
        return dg.SkipReason(f"{len(agenda.due)} tasks wait for the run that is under way.")
    return dg.RunRequest(tags=BEFORE_TICKS)


def figures(keys: Mapping[int, str], done: Sequence[Turn]) -> dict[str, Any]:
    """Write what a run did as metadata; failures come first in its table."""
    states = Counter(turn.state for turn in done)
    ordered = sorted(done, key=lambda turn: turn.state is not TurnState.FAILED)
    rows = [turn_row(keys[turn.account_id], turn) for turn in ordered[:_MOST_ROWS]]
    table = [dg.TableRecord({name: str(row[name]) for name in _COLUMNS}) for row in rows]
    return {
        "done": states[TurnState.DONE],
        "failed": states[TurnState.FAILED],
        "accounts": len({turn.account_id for turn in done}),
        "turns": dg.MetadataValue.table(table),
        **page_link("/schedules"),
    }


def _observation(key: str, turn: Turn) -> dg.AssetObservation:
    row = turn_row(key, turn)
    return dg.AssetObservation(
        task_turns.key,
        description=f"{key}: {turn.task} of {turn.slot}: {turn.state}",
        metadata={
            **{name: row[name] for name in ("account", "task", "slot", "state", "words")},
            "detail": dg.MetadataValue.json(row["detail"]),
            **account_link(key),
        },
    )


def _nothing(agenda: Agenda) -> str:
    return f"Nothing is due. {len(agenda.missed)} missed." if agenda.missed else "Nothing is due."
