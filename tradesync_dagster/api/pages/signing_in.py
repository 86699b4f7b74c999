"""Signing in and out.

What belongs here: the two forms and their cookies. What does not: whether a password is right
(``bootstrap.people``).
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from tradesync_dagster.api.access import ServicesNow
from tradesync_dagster.api.pages.fields import way_back
from tradesync_dagster.api.pages.rendering import page
from tradesync_dagster.api.pages.visitors import (
    SESSION,
    SIGN_IN,
    VISIT,
    address_of,
    drop_cookie,
    put_cookie,
    visit_of,
)
from tradesync_dagster.domain.people import (
    FAILURE_WINDOW,
    SignInRefusedError,
    TooManyFailuresError,
    form_token_of,
)

routes = APIRouter()
_Typed = Annotated[str, Form(max_length=400)]


@routes.get("/sign-in")
def show_form(request: Request, next: str = "") -> Response:  # noqa: A002 - as addresses name it
    """Ask for name and password."""
    return _form(request, next)


@routes.post("/sign-in")
def sign_in(
    request: Request,
    services: ServicesNow,
    name: _Typed = "",
    password: _Typed = "",
    next: _Typed = "",  # noqa: A002 - as addresses name it
) -> Response:
    """Start a session, under a token that no one had before."""
    try:
        token = services.desk_people().sign_in(name, password, address_of(request))
    except SignInRefusedError as error:
        return _form(request, next, error, name)
    answer = RedirectResponse(way_back(next), HTTPStatus.SEE_OTHER)
    put_cookie(answer, request, SESSION, token)
    drop_cookie(answer, VISIT)
    return answer


@routes.post("/sign-out")
def sign_out(request: Request, services: ServicesNow) -> Response:
    """End the session, here and in the books."""
    services.desk_people().sign_out(request.cookies.get(SESSION, ""))
    answer = RedirectResponse(SIGN_IN, HTTPStatus.SEE_OTHER)
    drop_cookie(answer, SESSION)
    return answer


def _form(
    request: Request, back: str, error: SignInRefusedError | None = None, name: str = ""
) -> Response:
    visit = visit_of(request)
    status = HTTPStatus.OK
    if error is not None:
        many = isinstance(error, TooManyFailuresError)
        status = HTTPStatus.TOO_MANY_REQUESTS if many else HTTPStatus.FORBIDDEN
    answer = page(
        request,
        "sign_in.html",
        status=status,
        form_token=form_token_of(visit),
        back=way_back(back),
        name=name,
        error="" if error is None else str(error),
    )
    if status is HTTPStatus.TOO_MANY_REQUESTS:
        answer.headers["Retry-After"] = str(int(FAILURE_WINDOW.total_seconds()))
    put_cookie(answer, request, VISIT, visit)
    return answer
