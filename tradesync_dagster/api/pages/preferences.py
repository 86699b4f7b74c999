"""Who is told of which events of orders: one form a recipient.

What belongs here: the page. What does not: the events (``domain.notifications``), addresses, which
are secrets and stand here by their number only.
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Query, Request
from starlette.responses import RedirectResponse, Response

from tradesync_dagster.api.access import ServicesNow
from tradesync_dagster.api.pages.fields import OrganizationField
from tradesync_dagster.api.pages.rendering import page
from tradesync_dagster.api.pages.visitors import ROOT, Operator, Viewer, organizations_of
from tradesync_dagster.api.values import Name, Recipient
from tradesync_dagster.domain.notifications import Happening

routes = APIRouter()
_PATH = "/notifications/preferences"


@routes.get(_PATH)
def preferences_page(
    request: Request,
    visitor: Viewer,
    services: ServicesNow,
    organization: OrganizationField = None,
    told: Annotated[Recipient | None, Query()] = None,
) -> Response:
    """Every recipient with every event, of one organization."""
    known = organizations_of(services, visitor)
    if organization is not None and organization not in known:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    chosen = organization or next(iter(known), None)
    rows = [] if chosen is None else services.notifications().preferences(chosen)
    return page(
        request, "preferences.html", visitor, rows=rows, organizations=known, chosen=chosen,
        events=list(Happening), told=told,
    )  # fmt: skip


@routes.post(_PATH)
def choose(
    visitor: Operator,
    services: ServicesNow,
    organization: Annotated[Name, Form()],
    to: Annotated[Recipient, Form()],
    event: Annotated[list[Happening] | None, Form(max_length=len(Happening))] = None,
) -> Response:
    """Tell a recipient of the events that were ticked, and of no other."""
    desk, wanted = services.notifications(), set(event or ())
    if organization not in organizations_of(services, visitor):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    before = next((row for row in desk.preferences(organization) if row["to"] == to), None)
    if before is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    changed = [one for one in Happening if before[one.value] != (one in wanted)]
    who = visitor.person.name
    with services.audit_log().around(
        who, "set preferences", organization, to, events=sorted(one.value for one in wanted)
    ):
        for one in changed:
            desk.prefer(organization, to, one.value, wanted=one in wanted, who=who)
    return RedirectResponse(
        f"{ROOT}{_PATH}?organization={organization}&told={to}", HTTPStatus.SEE_OTHER
    )
