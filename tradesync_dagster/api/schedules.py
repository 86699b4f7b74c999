"""``/schedules``, ``/task-turns`` and ``/heartbeats``: the desk's tasks over HTTP.

What belongs here: the routes, and the shapes of what they take and answer. What does not: bounds of
schedules (``domain.task_schedules``), the scheduler of fake orders (``scheduler``).
"""

from datetime import time, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, JsonValue

from tradesync_dagster.api.access import Caller, Organization, ServicesNow, check_own, key_of
from tradesync_dagster.api.problems import ASSIGNING, READING
from tradesync_dagster.api.questions import Question
from tradesync_dagster.api.values import WHOLE, Days, Moment, Name, TimeOfDay
from tradesync_dagster.domain.task_schedules import MINUTE, MOST_GRACE, Repeat
from tradesync_dagster.domain.tasks import Task

routes = APIRouter(tags=["tasks"])
Row = dict[str, Any]

_Account = Annotated[Name | None, Query(description="All of the organization if not given.")]


class ScheduleAnswer(BaseModel):
    """When a task runs."""

    scope: Annotated[str, Field(description="Whose; empty for all accounts there are.")]
    task: Task
    enabled: bool
    start: TimeOfDay
    end: Annotated[TimeOfDay | None, Field(description="The last minute of a repeated task.")]
    repeats: Repeat
    grace_minutes: Annotated[int, Field(description="How late a turn may still begin.")]
    changed_at: Moment
    who: str


class TurnAnswer(BaseModel):
    """A task of an account in one slot."""

    account: str
    task: Task
    slot: Annotated[str, Field(description="A day, or an hour of it, in Asia/Kolkata.")]
    due_at: Moment
    state: Literal["running", "done", "failed", "missed", "interrupted"]
    started_at: Moment | None
    ended_at: Moment | None
    attempts: int
    words: Annotated[str, Field(description="What went wrong.")]
    detail: dict[str, JsonValue]


class HeartbeatAnswer(BaseModel):
    """A service's sign of life."""

    account: str
    service: str
    last_beat: Moment
    good_until: Moment
    stale: bool


class SetSchedule(Question):
    """What shall change of a task's schedule, from now on; what is not given stays."""

    task: Annotated[Task, Field(strict=False)]
    pseudo_account: Annotated[
        Name | None, Field(description="All accounts of the organization if not given.")
    ] = None
    enabled: bool | None = None
    start: TimeOfDay | None = None
    end: TimeOfDay | None = None
    repeats: Annotated[Repeat | None, Field(strict=False)] = None
    grace_minutes: Annotated[int, Field(ge=0, le=MOST_GRACE // MINUTE), WHOLE] | None = None


@routes.get(
    "/schedules",
    summary="List when the desk's tasks run",
    response_model=list[ScheduleAnswer],
    responses=READING,
)
def schedules(
    organization: Organization, services: ServicesNow, pseudo_account: _Account = None
) -> list[Row]:
    """With an account, those that hold for it: of several the narrowest."""
    account = _account(organization, pseudo_account)
    return services.tasks().schedules(account, organization)


@routes.post(
    "/schedules",
    summary="Change when a task runs",
    response_model=ScheduleAnswer,
    responses=ASSIGNING,
)
def set_schedule(body: SetSchedule, caller: Caller, services: ServicesNow) -> Row:
    """Of the organization, or of one account; it counts from now on, without a restart."""
    check_own(caller, body.organization_id)
    scope = _account(body.organization_id, body.pseudo_account) or body.organization_id
    given: dict[str, Any] = {
        "enabled": body.enabled,
        "start": body.start and time.fromisoformat(body.start),
        "end": body.end and time.fromisoformat(body.end),
        "repeats": body.repeats,
        "grace": None if body.grace_minutes is None else timedelta(minutes=body.grace_minutes),
    }
    changes = {name: value for name, value in given.items() if value is not None}
    return services.tasks().set_schedule(scope, body.task, changes, caller.name)


@routes.delete(
    "/schedules",
    summary="Delete the schedule of an organization or account",
    response_model=ScheduleAnswer,
    responses=READING,
)
def reset_schedule(
    organization: Organization,
    caller: Caller,
    services: ServicesNow,
    task: Task,
    pseudo_account: Annotated[
        Name | None, Query(description="The organization's own if not given.")
    ] = None,
) -> Row:
    """Answers with the wider one, which holds again; so it does where there was none to delete."""
    tasks, scope = services.tasks(), _account(organization, pseudo_account) or organization
    tasks.schedule(scope, task)  # 404 where there is no such account
    with services.audit_log().around(
        caller.name, "reset schedule", organization, f"{task} {scope}"
    ):
        tasks.reset_schedule(scope, task)
    return tasks.schedule(scope, task)


@routes.get(
    "/task-turns",
    summary="List what was done, what failed and what was missed",
    response_model=list[TurnAnswer],
    responses=READING,
)
def turns(
    organization: Organization,
    services: ServicesNow,
    pseudo_account: _Account = None,
    days: Annotated[Days, Query(description="How many days back.")] = 1,
) -> list[Row]:
    """Latest first, at most a thousand."""
    account = _account(organization, pseudo_account)
    return services.tasks().turns(account, organization, days)


@routes.get(
    "/heartbeats",
    summary="List the services' signs of life",
    response_model=list[HeartbeatAnswer],
    responses=READING,
)
def heartbeats(
    organization: Organization, services: ServicesNow, pseudo_account: _Account = None
) -> list[Row]:
    """By account and service; a stale one should have come again by now."""
    account = _account(organization, pseudo_account)
    return services.tasks().heartbeats(account, organization)


def _account(organization: str, pseudo_account: str | None) -> str | None:
    return None if pseudo_account is None else key_of(organization, pseudo_account)
