"""``/api/v1/scheduler``: whether fake orders are moderated by themselves, and switching that.

The scheduler is Dagster's sensor and job, one for all organizations; counts are of the key's own.
What belongs here: the routes and their answers. What does not: the sensor (``defs.moderation``).
"""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from tradesync_dagster.api.access import DagsterNow, Own, ServicesNow
from tradesync_dagster.api.problems import READING, WRITING
from tradesync_dagster.api.values import Moment
from tradesync_dagster.bootstrap.moderation_control import ModerationControl

routes = APIRouter(prefix="/api/v1/scheduler", tags=["scheduler"])


class Scheduler(BaseModel):
    """The scheduler's state."""

    running: Annotated[bool, Field(description="Whether the sensor is switched on.")]
    thread_alive: Annotated[bool, Field(description="Whether Dagster's sensor daemon is well.")]
    pending_due_now: int
    upcoming_10_min: int
    next_due_order: Annotated[
        Moment | None, Field(description="The earliest hour of a pending order.")
    ]
    last_check: Annotated[Moment | None, Field(description="When the sensor last looked.")]


class SchedulerStatus(BaseModel):
    """How the scheduler is."""

    status: Literal["success"] = "success"
    scheduler: Scheduler


class Forced(BaseModel):
    """A run that moderates what is due now."""

    status: Literal["success"] = "success"
    run_id: str
    url: Annotated[str, Field(description="Where people see the run.")]
    pending_due_now: int
    warning: Annotated[str | None, Field(description="Why the run stays queued, if it does.")]


@routes.get(
    "/status",
    summary="Tell how the scheduler is",
    response_model=SchedulerStatus,
    responses=READING,
)
def status(own: Own, services: ServicesNow, dagster: DagsterNow) -> dict[str, Any]:
    """Its pending orders are those of the key's organization."""
    return _told(ModerationControl(services, dagster), own)


@routes.post(
    "/start",
    summary="Start the scheduler",
    response_model=SchedulerStatus,
    responses=WRITING,
)
def start(own: Own, services: ServicesNow, dagster: DagsterNow) -> dict[str, Any]:
    """Switches Dagster's sensor on, for all organizations; again changes nothing."""
    control = ModerationControl(services, dagster)
    control.start()
    return _told(control, own)


@routes.post(
    "/stop",
    summary="Stop the scheduler",
    response_model=SchedulerStatus,
    responses=WRITING,
)
def stop(own: Own, services: ServicesNow, dagster: DagsterNow) -> dict[str, Any]:
    """Switches Dagster's sensor off, for all organizations; a waiting run ends within seconds."""
    control = ModerationControl(services, dagster)
    control.stop()
    return _told(control, own)


@routes.post(
    "/force-run",
    summary="Moderate what is due now",
    status_code=HTTPStatus.ACCEPTED,
    response_model=Forced,
    responses=WRITING,
)
def force_run(own: Own, services: ServicesNow, dagster: DagsterNow) -> dict[str, Any]:
    """Starts a run for the key's organization, also while the scheduler is stopped."""
    return ModerationControl(services, dagster).force_run(own)


def _told(control: ModerationControl, organization_id: str) -> dict[str, Any]:
    return {"scheduler": control.status(organization_id)}
