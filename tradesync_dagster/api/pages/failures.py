"""How failures read on pages: a page with a sentence, or the way to the sign-in.

What belongs here: the pages' own words for failures. What does not: raising them, and which errors
are told with which status, as to programs (``api.problems``).
"""

import logging
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as Refusal
from starlette.responses import RedirectResponse, Response

from tradesync_dagster.api.pages.rendering import page
from tradesync_dagster.api.pages.visitors import SignInNeededError, sign_in_path
from tradesync_dagster.api.problems import CLOSED, status_told
from tradesync_dagster.domain.errors import TradesyncError

_log = logging.getLogger(__name__)
_NOT_THERE: Final = "There is no such page, or it is not yours to see."


def answer_failures(app: FastAPI) -> None:
    """Give every failure of the pages a page.

    Args:
        app: The pages.
    """
    app.add_exception_handler(SignInNeededError, _on_stranger)
    app.add_exception_handler(TradesyncError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_malformed)
    app.add_exception_handler(Refusal, _on_refusal)
    app.add_exception_handler(Exception, _on_fault)


async def _on_stranger(request: Request, _: Exception) -> Response:
    path = sign_in_path(request)
    if "hx-request" in request.headers:  # a part of a page cannot be the sign-in's page
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": path})
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)


async def _on_error(request: Request, error: Exception) -> Response:
    status = status_told(error)
    if status is None:
        _log.error("%s: %s", type(error).__name__, error)
        return _failure(request, HTTPStatus.SERVICE_UNAVAILABLE, f"{CLOSED}.")
    found = status is not HTTPStatus.NOT_FOUND
    return _failure(request, status, f"{error}." if found else _NOT_THERE)


async def _on_malformed(request: Request, error: Exception) -> Response:
    """Say which field is malformed; an address that is no account's names nothing."""
    found = error.errors() if isinstance(error, RequestValidationError) else ()
    if any(one["loc"][0] == "path" for one in found):
        return _failure(request, HTTPStatus.NOT_FOUND, _NOT_THERE)
    fields = ", ".join(sorted({str(one["loc"][-1]).replace("_", " ") for one in found}))
    sentence = f"What was filled in cannot be used: {fields}. Go back and change it."
    return _failure(request, HTTPStatus.UNPROCESSABLE_ENTITY, sentence)


async def _on_refusal(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException | Refusal):  # registered for nothing else
        raise error
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.NOT_FOUND and error.detail == status.phrase:
        return _failure(request, status, _NOT_THERE)
    return _failure(request, status, _sentence(error.detail))


async def _on_fault(request: Request, _: Exception) -> Response:
    """Answer a mistake of ours; the server logs it with its traceback."""
    return _failure(request, HTTPStatus.INTERNAL_SERVER_ERROR, f"{CLOSED}.")


def _sentence(text: object) -> str:
    return f"{str(text)[:1].upper()}{str(text)[1:].rstrip('.')}."


def _failure(request: Request, status: HTTPStatus, sentence: str) -> Response:
    return page(
        request, "failure.html", status=status, sentence=sentence, phrase=status.phrase,
    )  # fmt: skip
