"""How failures are answered: a status, one sentence, and never what lies behind it.

What belongs here: which of tradesync's errors is which status, and what may be told to callers.
What does not: raising them.
"""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from tradesync_dagster.api.answers import Found, Problem
from tradesync_dagster.bootstrap.dagster_graphql import DagsterAbsentError, DagsterRefusedError
from tradesync_dagster.domain.errors import (
    AccountNotFoundError,
    AssignmentRefusedError,
    BreakNotFoundError,
    ClaimNotFoundError,
    OrderNotFoundError,
    PlacementRefusedError,
    ScheduleRefusedError,
    StrategyNotFoundError,
    TradesyncError,
    ValueRefusedError,
)

_log = logging.getLogger(__name__)

_TOLD: Final[Mapping[type[TradesyncError], HTTPStatus]] = {
    AccountNotFoundError: HTTPStatus.NOT_FOUND,
    OrderNotFoundError: HTTPStatus.NOT_FOUND,
    BreakNotFoundError: HTTPStatus.NOT_FOUND,
    StrategyNotFoundError: HTTPStatus.NOT_FOUND,
    ClaimNotFoundError: HTTPStatus.NOT_FOUND,
    AssignmentRefusedError: HTTPStatus.CONFLICT,
    PlacementRefusedError: HTTPStatus.CONFLICT,
    ScheduleRefusedError: HTTPStatus.CONFLICT,
    ValueRefusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    DagsterAbsentError: HTTPStatus.SERVICE_UNAVAILABLE,
    DagsterRefusedError: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Errors whose sentence is for the caller; the others name addresses of the house."""
CLOSED = "tradesync cannot do this now; whoever runs it finds the cause in its log"
_MOST_FOUND = 20

Responses = dict[int | str, dict[str, Any]]


def documented(*statuses: HTTPStatus) -> Responses:
    """Describe failures for OpenAPI."""
    return {
        int(status): {"model": Problem, "description": _MEANINGS[status]} for status in statuses
    }


_MEANINGS = {
    HTTPStatus.UNAUTHORIZED: "No key, or one that opens nothing.",
    HTTPStatus.FORBIDDEN: "The key is another organization's.",
    HTTPStatus.NOT_FOUND: "The organization has no such account, order, strategy, claim or break, "
    "or the day is still to come.",
    HTTPStatus.CONFLICT: "What stands does not allow it: a schedule cannot be changed so, or "
    "orders cannot be given away, given back, tried again "
    "or dropped like this.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too long.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Something in the request is malformed.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The books, or Dagster, do not answer now.",
}
READING = documented(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
WRITING = READING | documented(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
ASSIGNING = WRITING | documented(HTTPStatus.CONFLICT)


def status_told(error: Exception) -> HTTPStatus | None:
    """Return the status of an error whose sentence may be told; ``None`` for any other."""
    return next((status for kind, status in _TOLD.items() if isinstance(error, kind)), None)


def answer_failures(app: FastAPI) -> None:
    """Give every failure of an application the one form.

    Args:
        app: The application.
    """
    app.add_exception_handler(TradesyncError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_malformed)
    app.add_exception_handler(HTTPException, _on_refusal)
    app.add_exception_handler(Exception, _on_fault)


def _answer(
    status: int,
    sentence: str,
    problems: Sequence[Found] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    problem = Problem(detail=sentence, problems=list(problems))
    return JSONResponse(problem.model_dump(), status, headers)


async def _on_error(_: Request, error: Exception) -> JSONResponse:
    status = status_told(error)
    if status is not None:
        return _answer(status, str(error))
    _log.error("%s: %s", type(error).__name__, error)
    return _answer(HTTPStatus.SERVICE_UNAVAILABLE, CLOSED)


async def _on_malformed(_: Request, error: Exception) -> JSONResponse:
    """Say what is malformed, without repeating it: what was sent may be a secret gone astray."""
    listed = error.errors() if isinstance(error, RequestValidationError) else ()
    found = [
        Found(where=".".join(str(part) for part in one["loc"]), what=_clean(one["msg"]))
        for one in listed[:_MOST_FOUND]
    ]
    first = f"{found[0].where}: {found[0].what}" if found else "the request is malformed"
    more = f", and {len(listed) - 1} more" if len(listed) > 1 else ""
    return _answer(HTTPStatus.UNPROCESSABLE_ENTITY, first + more, found)


async def _on_refusal(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):  # registered for nothing else
        raise error
    malformed = error.status_code == HTTPStatus.BAD_REQUEST  # such as a body that is no UTF-8
    status = HTTPStatus.UNPROCESSABLE_ENTITY if malformed else error.status_code
    headers = dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))
    return _answer(status, str(error.detail), headers=headers)


def _methods(request: Request) -> list[str]:
    """List the methods of a path: each of its routes knows only its own."""
    routes: list[Any] = []
    for one in request.app.routes:  # a router that was included stands for its routes
        within = getattr(one, "effective_candidates", None)
        routes += [one] if within is None else within()
    there = (one for one in routes if one.matches(request.scope)[0] is not Match.NONE)
    return sorted({method for one in there for method in getattr(one, "methods", None) or ()})


async def _on_fault(_: Request, __: Exception) -> JSONResponse:
    """Answer a mistake of ours; the server logs it with its traceback."""
    return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, CLOSED)


def _clean(message: str) -> str:
    return message.removeprefix("Value error, ")
