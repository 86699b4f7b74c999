"""Breaks: where the books and the brokers differ, and what people say of it.

What belongs here: the pages. What does not: finding breaks (``sync.reconciling``), their states
(``domain.breaks``).
"""

from http import HTTPStatus
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, HTTPException, Query, Request
from starlette.responses import RedirectResponse, Response

from tradesync_dagster.api.access import ServicesNow, key_of
from tradesync_dagster.api.pages.fields import (
    BreakKind,
    BreakKindSent,
    BreakSubject,
    BreakSubjectSent,
    Open,
    Trimmed,
)
from tradesync_dagster.api.pages.rendering import page
from tradesync_dagster.api.pages.visitors import ROOT, Operator, OwnAccount, Viewer
from tradesync_dagster.api.values import Note
from tradesync_dagster.domain.breaks import SHOWN, BreakState
from tradesync_dagster.sync.explaining import Word

routes = APIRouter()
_VERBS = {
    BreakState.EXPLAINED: "explain break",
    BreakState.ACCEPTED: "accept break",
    BreakState.OPEN: "reopen break",
}


Said = Annotated[Note, Trimmed, Form()]


@routes.get("/breaks")
def breaks_page(
    request: Request,
    visitor: Viewer,
    services: ServicesNow,
    state: Annotated[BreakState | None, Open, Query()] = None,
) -> Response:
    """The list, oldest first."""
    return page(
        request,
        "breaks.html",
        visitor,
        breaks=services.page_reading().breaks(visitor.organization, state),
        state=state,
        states=list(BreakState),
    )


@routes.get("/breaks/{organization}/{pseudo_account}")
def break_page(
    request: Request,
    visitor: Viewer,
    account: OwnAccount,
    services: ServicesNow,
    kind: BreakKind,
    subject: BreakSubject,
) -> Response:
    """One break with its evidence, and what may be said of it."""
    found = services.page_reading().one_break(account["account_id"], kind, subject)
    return page(
        request, "break.html", visitor, account=account, found=found,
        listed=found["state"] in SHOWN,
    )  # fmt: skip


@routes.post("/breaks/{organization}/{pseudo_account}")
def say(
    visitor: Operator,
    account: OwnAccount,
    services: ServicesNow,
    kind: BreakKindSent,
    subject: BreakSubjectSent,
    state: Annotated[Literal["explained", "accepted", "open"], Form()],
    note: Said = "",
) -> Response:
    """Keep what the person says; it is theirs from then on."""
    wanted = BreakState(state)
    if not note and wanted is not BreakState.OPEN:
        raise HTTPException(422, "say in a few words what the break is")
    organization, who = account["organization_id"], visitor.person.name
    key = key_of(organization, account["pseudo_account"])
    with services.audit_log().around(
        who, _VERBS[wanted], organization, f"{key} {kind} {subject}", note=note
    ):
        services.explain(key, kind, subject, Word(wanted, who, note))
    query = urlencode({"kind": kind, "subject": subject})
    return RedirectResponse(f"{ROOT}/breaks/{key}?{query}", HTTPStatus.SEE_OTHER)
