"""``tradesync schedule``: when the desk's tasks run, what became of their turns, signs of life.

What belongs here: commands and columns. What does not: bounds of schedules
(``domain.task_schedules``), doing tasks (``sync.tasks``).
"""

from datetime import datetime, time, timedelta
from typing import Annotated, Any

import typer

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.cli.arguments import DaysBack, OneAccount
from tradesync_dagster.cli.screen import AsJson, Group, print_json, show
from tradesync_dagster.domain.task_schedules import MINUTE, MOST_GRACE, Repeat
from tradesync_dagster.domain.tasks import Task

commands = typer.Typer(cls=Group, no_args_is_help=True, help="When the desk's tasks run.")

_SCHEDULE = ("scope", "task", "enabled", "start", "end", "repeats", "grace_minutes", "who")
_TURN = ("account", "task", "slot", "state", "started_at", "ended_at", "words")
_BEAT = ("account", "service", "last_beat", "good_until", "stale")
_Scope = Annotated[
    str, typer.Argument(metavar="[ORG[/ACCOUNT]]", help="Of these accounts; of all if not given.")
]
_Who = Annotated[str, typer.Option(help="Who does it.")]
_Time = Annotated[
    datetime | None, typer.Option(formats=["%H:%M"], metavar="HH:MM", help="In Asia/Kolkata.")
]


@commands.command("list")
def listed(account: OneAccount = None, *, as_json: AsJson = False) -> None:
    """List all schedules, or those that hold for an account: of several the narrowest holds."""
    rows = open_services().tasks().schedules(account)
    title = f"Schedules of {account}" if account else "Schedules"
    show(rows, as_json=as_json, title=title, columns=_SCHEDULE)


@commands.command("set")
def change(  # noqa: PLR0913 - one an option
    task: Task,
    scope: _Scope = "",
    *,
    who: _Who,
    at: _Time = None,
    end: _Time = None,
    repeats: Annotated[Repeat | None, typer.Option(help="How often on a trading day.")] = None,
    grace: Annotated[
        int | None,
        typer.Option(
            metavar="MINUTES",
            min=0,
            max=MOST_GRACE // MINUTE,
            help="How late a turn may still begin.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change a task's schedule; it counts from now on, without a restart."""
    given: dict[str, Any] = {
        "start": _time(at),
        "end": _time(end),
        "repeats": repeats,
        "grace": None if grace is None else timedelta(minutes=grace),
    }
    _change(scope, task, given, who, as_json=as_json)


@commands.command("enable")
def enable(task: Task, scope: _Scope = "", *, who: _Who, as_json: AsJson = False) -> None:
    """Do a task from now on."""
    _change(scope, task, {"enabled": True}, who, as_json=as_json)


@commands.command("disable")
def disable(task: Task, scope: _Scope = "", *, who: _Who, as_json: AsJson = False) -> None:
    """Leave a task out from now on."""
    _change(scope, task, {"enabled": False}, who, as_json=as_json)


@commands.command("reset")
def reset(task: Task, scope: Annotated[str, typer.Argument(metavar="ORG[/ACCOUNT]")]) -> None:
    """Delete the schedule of an organization or account, so that the wider one holds again."""
    there = open_services().tasks().reset_schedule(scope, task)
    typer.echo(f"{scope} {'has no longer' if there else 'had not'} a schedule of its own.")


@commands.command("turns")
def turns(account: OneAccount = None, *, days: DaysBack = 1, as_json: AsJson = False) -> None:
    """List what was done, what failed and what was missed, latest first."""
    rows = open_services().tasks().turns(account, days=days)
    show(rows, as_json=as_json, title="Turns", columns=_TURN)


@commands.command("heartbeats")
def heartbeats(account: OneAccount = None, *, as_json: AsJson = False) -> None:
    """List the services' signs of life; exit code 1 where one is stale."""
    rows = open_services().tasks().heartbeats(account)
    show(rows, as_json=as_json, title="Heartbeats", columns=_BEAT)
    if any(row["stale"] for row in rows):
        raise typer.Exit(1)


@commands.command("run")
def run(*, as_json: AsJson = False) -> None:
    """Do now what is due, as Dagster does every minute."""
    services = open_services()
    done = services.tasks().run()
    keys = {one.account_id: one.key for one in services.store.accounts(enabled_only=False)}
    rows = [
        {"account": keys[one.account_id], "task": one.task.value, "slot": one.slot,
         "state": one.state.value, "words": one.words}
        for one in done
    ]  # fmt: skip
    show(rows, as_json=as_json, title="Done", columns=("account", "task", "slot", "state", "words"))


def _change(scope: str, task: Task, given: dict[str, Any], who: str, *, as_json: bool) -> None:
    changes = {name: value for name, value in given.items() if value is not None}
    row = open_services().tasks().set_schedule(scope, task, changes, who)
    if as_json:
        print_json(row)
    else:
        show([row], as_json=False, title="Schedule", columns=_SCHEDULE)


def _time(given: datetime | None) -> time | None:
    return None if given is None else given.time()
