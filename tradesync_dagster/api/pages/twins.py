"""Switching an account between its broker and its paper twin.

What belongs here: the page that asks once more, and its form. What does not: opening a twin
(``bootstrap.paper``), when an account may be switched (``sync.twins``).
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from tradesync_dagster.api.access import ServicesNow, key_of
from tradesync_dagster.api.pages.rendering import page
from tradesync_dagster.api.pages.visitors import ROOT, Admin, OwnAccount
from tradesync_dagster.bootstrap.paper import BROKER, Through, Twins

routes = APIRouter()


@routes.get("/accounts/{organization}/{pseudo_account}/trade")
def trade_page(
    request: Request, visitor: Admin, account: OwnAccount, services: ServicesNow
) -> Response:
    """Where new orders go, and what a change means; nothing changes yet."""
    key = key_of(account["organization_id"], account["pseudo_account"])
    return page(
        request,
        "trade.html",
        visitor,
        account=account,
        books=Twins(services).books(key).key,
        is_paper=account["broker"] == BROKER,
    )


@routes.post("/accounts/{organization}/{pseudo_account}/trade")
def trade(
    visitor: Admin,
    account: OwnAccount,
    services: ServicesNow,
    through: Annotated[Through, Form()],
) -> Response:
    """Let new orders go there from now on."""
    key = key_of(account["organization_id"], account["pseudo_account"])
    Twins(services).trade_logged(key, through, visitor.person.name)
    return RedirectResponse(f"{ROOT}/accounts/{key}", HTTPStatus.SEE_OTHER)
