"""Who asks, for which organization and account, and with what.

What only looks at the request is a coroutine, which costs no thread. What belongs here: reading the
key, the organization and the account out of a request, and refusing those that do not go together.
What does not: keeping keys (``bootstrap.keys``).
"""

from datetime import date
from typing import Annotated

from fastapi import Depends, HTTPException, Path, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tradesync_dagster.api.values import Day, Name
from tradesync_dagster.bootstrap import Services
from tradesync_dagster.bootstrap.dagster_graphql import Dagster
from tradesync_dagster.domain.api_keys import ApiKey
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.people import Role
from tradesync_dagster.store.scope import see_only

_READING = frozenset({"GET", "HEAD"})
bearer = HTTPBearer(
    scheme_name="key",
    description="`Authorization: Bearer TOKEN`; make one with `tradesync api keys add`.",
    auto_error=False,
)


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def _dagster(request: Request) -> Dagster:
    dagster: Dagster = request.app.state.dagster
    return dagster


ServicesNow = Annotated[Services, Depends(_services)]
DagsterNow = Annotated[Dagster, Depends(_dagster)]


def holder_of(
    services: ServicesNow,
    sent: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
) -> ApiKey:
    """Find the key of a request; no key, a wrong one and a revoked one are told alike.

    Args:
        services: Where keys are kept.
        sent: What the request carries.

    Returns:
        The key.

    Raises:
        HTTPException: With status 401.
    """
    key = None if sent is None else services.keys().holder(sent.credentials)
    if key is None:
        raise HTTPException(
            401,
            "send a key that is good: Authorization: Bearer TOKEN",
            {"WWW-Authenticate": "Bearer"},
        )
    return key


async def _scoped(request: Request, caller: Annotated[ApiKey, Depends(holder_of)]) -> ApiKey:
    """Hold the database to the key's organization as well, and viewers to what changes nothing."""
    if request.method not in _READING:
        check_role(caller, Role.OPERATOR)
    see_only(caller.organization_id)
    return caller


def check_role(caller: ApiKey, needed: Role) -> None:
    """Refuse a key that may not do this.

    Args:
        caller: Whose key it is.
        needed: Who may.

    Raises:
        HTTPException: With status 403.
    """
    if not caller.role.covers(needed):
        raise HTTPException(403, f"this key's role is {caller.role}; this takes {needed}")


Caller = Annotated[ApiKey, Depends(_scoped)]


def check_own(caller: ApiKey, organization_id: str) -> None:
    """Refuse another organization, without telling whether there is such a one.

    Args:
        caller: Whose key it is.
        organization_id: As the request names it.

    Raises:
        HTTPException: With status 403.
    """
    if organization_id != caller.organization_id:
        raise HTTPException(403, "this key opens another organization")


def own_of(caller: ApiKey, organization_id: str | None) -> str:
    """Return the key's organization, which a request may name besides; see ``check_own``."""
    if organization_id is not None:
        check_own(caller, organization_id)
    return caller.organization_id


def key_of(organization_id: str, pseudo_account: str) -> str:
    """Name an account; no name holds a ``/``, so that no other account has this key."""
    return f"{organization_id}/{pseudo_account}"


async def _organization(
    caller: Caller, organization_id: Annotated[Name, Query(description="The key's own.")]
) -> str:
    check_own(caller, organization_id)
    return organization_id


Organization = Annotated[str, Depends(_organization)]


async def _own(
    caller: Caller,
    organization_id: Annotated[
        Name | None, Query(description="The key's own, also if not given.")
    ] = None,
) -> str:
    return own_of(caller, organization_id)


Own = Annotated[str, Depends(_own)]


async def _account(organization: Organization, pseudo_account: Annotated[Name, Path()]) -> str:
    return key_of(organization, pseudo_account)


Account = Annotated[str, Depends(_account)]


def check_begun(day: date | None, today: date) -> None:
    """Refuse a day that is still to come.

    Args:
        day: As the request names it, if it does.
        today: The exchange's day.

    Raises:
        HTTPException: With status 404.
    """
    if day is not None and day > today:
        raise HTTPException(404, f"{day} is still to come; today is {today} in Asia/Kolkata")


async def _past_day(
    services: ServicesNow,
    as_of: Annotated[
        Day | None, Query(description="At this past day's end; now if not given.")
    ] = None,
) -> Day | None:
    check_begun(as_of, trade_date_of(services.clock.now()))
    return as_of


PastDay = Annotated[Day | None, Depends(_past_day)]
