"""Who looks at a page, and whether a form is one of this site's own.

What belongs here: cookies, roles, the one check of every form, whose account a path names. What
does not: keeping sessions (``bootstrap.people``).
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, HTTPException, Path, Request
from starlette.responses import Response

from tradesync_dagster.api.access import ServicesNow
from tradesync_dagster.api.values import Name
from tradesync_dagster.bootstrap import Services
from tradesync_dagster.domain.errors import AccountNotFoundError
from tradesync_dagster.domain.people import (
    ALL_ORGANIZATIONS,
    LIFETIME,
    TOKEN_BYTES,
    Person,
    Role,
    form_token_of,
    is_form_token,
)
from tradesync_dagster.store.scope import see_only

ROOT = "/desk"
"""Where the pages are mounted; cookies go nowhere else."""
SIGN_IN = f"{ROOT}/sign-in"
SESSION = "tradesync_desk"
VISIT = "tradesync_visit"
"""Ties the sign-in form to the browser that asked for it, before there is a session."""
REFRESH = "x-refresh"
"""Header of a page that asks for itself again by a timer: nobody's doing."""


class SignInNeededError(Exception):
    """The page is for people who have signed in."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks for a page.

    Attributes:
        person: Signed in.
        form_token: To be carried by every form of the page.
    """

    person: Person
    form_token: str

    @property
    def organization(self) -> str | None:
        """The one that they see; ``None`` for every one."""
        found = self.person.organization_id
        return None if found == ALL_ORGANIZATIONS else found

    def may(self, role: Role) -> bool:
        """Whether they may do what a role may."""
        return self.person.role.covers(role)


def _is_by_itself(request: Request) -> bool:
    """Whether a page asks for itself or for news, without anybody's doing."""
    return REFRESH in request.headers or request.headers.get("accept") == "text/event-stream"


def _visitor(request: Request, services: ServicesNow) -> Visitor:
    token = request.cookies.get(SESSION, "")
    acts = not (request.method == "GET" and _is_by_itself(request))
    person = services.desk_people().visitor(token, acts=acts) if token else None
    if person is None:
        raise SignInNeededError
    return Visitor(person, form_token_of(token))


async def _scoped(visitor: Annotated[Visitor, Depends(_visitor)]) -> Visitor:
    """Hold the database to the person's organization as well."""
    see_only(visitor.organization)
    return visitor


def _with(role: Role) -> Callable[..., Awaitable[Visitor]]:
    async def check(visitor: Annotated[Visitor, Depends(_scoped)]) -> Visitor:
        if not visitor.may(role):
            raise HTTPException(403, f"this is for people with the role {role.value}")
        return visitor

    return check


Viewer = Annotated[Visitor, Depends(_scoped)]
Operator = Annotated[Visitor, Depends(_with(Role.OPERATOR))]
Admin = Annotated[Visitor, Depends(_with(Role.ADMIN))]


async def check_form(request: Request) -> None:
    """Refuse every POST that does not come from a form of this site; set for all routes at once."""
    if request.method != "POST":
        return
    cookie = VISIT if request.url.path == SIGN_IN else SESSION
    token = request.cookies.get(cookie, "")
    form = await request.form(max_files=0, max_fields=200)
    sent = str(form.get("form_token", ""))
    site = request.headers.get("sec-fetch-site", "same-origin")
    if not token and cookie == SESSION:
        raise SignInNeededError
    if not token or not is_form_token(sent, token) or site != "same-origin":
        raise HTTPException(
            403, "this form is too old or not of this site; open its page anew and send it again"
        )


def _own_account(
    visitor: Viewer,
    services: ServicesNow,
    organization: Annotated[Name, Path()],
    pseudo_account: Annotated[Name, Path()],
) -> dict[str, Any]:
    """Read the account of a path; one of another organization is not there."""
    return own_account(services, visitor, organization, pseudo_account)


def own_account(
    services: Services, visitor: Visitor, organization: str, pseudo_account: str
) -> dict[str, Any]:
    """Read an account that a visitor may see.

    Raises:
        AccountNotFoundError: There is none, or it is another organization's.
    """
    if not visitor.person.sees(organization):
        raise AccountNotFoundError(f"no account {organization}/{pseudo_account}")
    return services.page_reading().account(organization, pseudo_account)


def organizations_of(services: Services, visitor: Visitor) -> list[str]:
    """Name the organizations with an account that a visitor sees, in order."""
    accounts = services.page_reading().accounts(visitor.organization)
    return sorted({row["organization_id"] for row in accounts})


OwnAccount = Annotated[dict[str, Any], Depends(_own_account)]


def address_of(request: Request) -> str:
    """Tell whence a request comes, for counting failed sign-ins."""
    services: Services = request.app.state.services
    forwarded = request.headers.get("x-forwarded-for", "")
    if services.settings.behind_tls_proxy and forwarded:
        return forwarded.rpartition(",")[2].strip()[:64]  # the last is the proxy's own word
    return request.client.host if request.client else "unknown"


def put_cookie(response: Response, request: Request, name: str, token: str) -> None:
    """Give a browser a token that no script reads and no other site sends."""
    services: Services = request.app.state.services
    response.set_cookie(
        name,
        token,
        max_age=int(LIFETIME.total_seconds()),
        path=ROOT,
        secure=services.settings.behind_tls_proxy,
        httponly=True,
        samesite="strict",
    )


def drop_cookie(response: Response, name: str) -> None:
    """Take a token back from a browser."""
    response.delete_cookie(name, path=ROOT, httponly=True, samesite="strict")


def visit_of(request: Request) -> str:
    """Return the browser's token of before the sign-in, or a new one."""
    return request.cookies.get(VISIT) or secrets.token_urlsafe(TOKEN_BYTES)


def sign_in_path(request: Request) -> str:
    """Name the sign-in page that leads back to where a request wanted to go."""
    query = f"?{request.url.query}" if request.url.query else ""
    back = f"{request.url.path}{query}" if request.method == "GET" else ""
    return f"{SIGN_IN}?next={quote(back, safe='')}" if back not in {"", f"{ROOT}/"} else SIGN_IN
