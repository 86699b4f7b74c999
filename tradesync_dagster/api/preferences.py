"""``/notification-preferences``: which events of orders each recipient is told.

What belongs here: the routes. What does not: the page (``pages.preferences``), the events
(``domain.notifications``), sending.
"""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, HTTPException

from tradesync_dagster.api.access import Caller, Organization, ServicesNow, check_own
from tradesync_dagster.api.answers import Preference
from tradesync_dagster.api.problems import READING, WRITING
from tradesync_dagster.api.questions import SetPreference

routes = APIRouter(tags=["notifications"])
Row = dict[str, Any]


@routes.get(
    "/notification-preferences",
    summary="List who is told of what",
    response_model=list[Preference],
    responses=READING,
)
def preferences(organization: Organization, services: ServicesNow) -> list[Row]:
    """A row a recipient: RabbitMQ, and the addresses of TRADESYNC_NOTIFY_URLS by number."""
    return services.notifications().preferences(organization)


@routes.post(
    "/notification-preferences",
    summary="Say whether a recipient is told of an event",
    response_model=Preference,
    responses=WRITING,
)
def set_preference(body: SetPreference, caller: Caller, services: ServicesNow) -> Row:
    """From the next event on; it stands beside the key's name."""
    check_own(caller, body.organization_id)
    desk, organization = services.notifications(), body.organization_id
    if body.to not in {row["to"] for row in desk.preferences(organization)}:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no recipient {body.to}")
    desk.prefer(organization, body.to, body.event, wanted=body.wanted, who=caller.name)
    return next(row for row in desk.preferences(organization) if row["to"] == body.to)
