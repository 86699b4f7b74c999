"""The desk's tasks: when each is due, what came of today's turns, and who shows signs of life.

What belongs here: the page, and its form for changing a schedule. What does not: bounds of
schedules, when a task is due (``domain.task_schedules``).
"""

from datetime import time, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, HTTPException, Request
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from tradesync_dagster.api.access import ServicesNow, key_of
from tradesync_dagster.api.pages.fields import Open
from tradesync_dagster.api.pages.rendering import page
from tradesync_dagster.api.pages.visitors import ROOT, Operator, Viewer, Visitor
from tradesync_dagster.api.values import Line, TimeOfDay
from tradesync_dagster.bootstrap import Services
from tradesync_dagster.domain.task_schedules import MINUTE, MOST_GRACE, Repeat
from tradesync_dagster.domain.tasks import Task

routes = APIRouter()
_ROWS = 300
_MOST_MINUTES = MOST_GRACE // MINUTE
_Time = Annotated[TimeOfDay | None, Open, Form()]
_Minutes = Annotated[Annotated[int, Field(ge=0, le=_MOST_MINUTES)] | None, Open, Form()]


@routes.get("/schedules")
def schedules_page(request: Request, visitor: Viewer, services: ServicesNow) -> Response:
    """Schedules of all accounts and of the person's; heartbeats, stale ones first."""
    tasks, organization = services.tasks(), visitor.organization
    turns = tasks.turns(organization=organization)
    beats = tasks.heartbeats(organization=organization)
    return page(
        request,
        "schedules.html",
        visitor,
        schedules=tasks.schedules(organization=organization),
        turns=turns[:_ROWS],
        heartbeats=sorted(beats, key=lambda row: not row["stale"])[:_ROWS],
        most=_ROWS,
        scopes=_scopes(services, visitor),
        tasks=list(Task),
        repeats=list(Repeat),
        most_minutes=_MOST_MINUTES,
    )


@routes.post("/schedules")
def change(  # noqa: PLR0913, PLR0917 - one a field of the form
    visitor: Operator,
    services: ServicesNow,
    task: Annotated[Task, Form()],
    action: Annotated[Literal["change", "reset"], Form()],
    scope: Annotated[Line, Form()] = "",
    state: Annotated[Literal["on", "off"] | None, Open, Form()] = None,
    start: _Time = None,
    end: _Time = None,
    repeats: Annotated[Repeat | None, Open, Form()] = None,
    grace: _Minutes = None,
) -> Response:
    """Change what was filled in, or let the wider schedule hold again; from now on."""
    if scope not in _scopes(services, visitor):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    given: dict[str, Any] = {
        "enabled": state and state == "on",
        "start": start and time.fromisoformat(start),
        "end": end and time.fromisoformat(end),
        "repeats": repeats,
        "grace": None if grace is None else timedelta(minutes=grace),
    }
    changes = {name: value for name, value in given.items() if value is not None}
    who, said = visitor.person.name, {name: str(value) for name, value in changes.items()}
    with services.audit_log().around(
        who, f"{action} schedule", scope.partition("/")[0], f"{task} {scope}".strip(), **said
    ):
        if action == "change":
            services.tasks().set_schedule(scope, task, changes, who)
        else:
            services.tasks().reset_schedule(scope, task)
    return RedirectResponse(f"{ROOT}/schedules#schedules", HTTPStatus.SEE_OTHER)


def _scopes(services: Services, visitor: Visitor) -> list[str]:
    """List whose schedules a person may change; all accounts' if they see all organizations."""
    accounts = services.page_reading().accounts(visitor.organization)
    organizations = sorted({row["organization_id"] for row in accounts})
    names = sorted(key_of(row["organization_id"], row["pseudo_account"]) for row in accounts)
    return [*([""] if visitor.organization is None else []), *organizations, *names]
