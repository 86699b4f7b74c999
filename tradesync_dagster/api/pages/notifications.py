"""Notifications: what was sent, what waits, and what has waited for too long.

What belongs here: the page. What does not: sending (``sync.publishing``), who wants what told.
"""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from tradesync_dagster.api.access import ServicesNow
from tradesync_dagster.api.pages.fields import Open
from tradesync_dagster.api.pages.rendering import page
from tradesync_dagster.api.pages.visitors import Viewer

routes = APIRouter()


class Sending(StrEnum):
    """How far a message has come."""

    WAITING = "waiting"
    LATE = "late"
    """It waits for longer than a tick may stay away: its server, or an address, takes nothing."""
    SENT = "sent"


@routes.get("/notifications")
def notifications_page(
    request: Request,
    visitor: Viewer,
    services: ServicesNow,
    state: Annotated[Sending | None, Open, Query()] = None,
) -> Response:
    """Those that wait, oldest first, or those that were sent, newest first."""
    state = state or Sending.WAITING
    observing = services.observing()
    if state is Sending.SENT:
        found = observing.sent_messages(visitor.organization)
    else:
        found = observing.waiting_messages(visitor.organization, late=state is Sending.LATE)
    return page(
        request,
        "notifications.html",
        visitor,
        messages=found,
        state=state,
        states=list(Sending),
        late=observing.late_before(),
        are_made=services.settings.rabbitmq_notifications_enabled,
        has_server=services.settings.rabbitmq_url is not None,
    )
