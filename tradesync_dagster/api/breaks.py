"""``/breaks``: where the books differ from the brokers' own figures, and what people say of it.

What belongs here: the routes. What does not: finding breaks (``sync.reconciling``).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from tradesync_dagster.api.access import Caller, Organization, ServicesNow, check_own, key_of
from tradesync_dagster.api.answers import Break
from tradesync_dagster.api.problems import READING, WRITING
from tradesync_dagster.api.questions import NameBreak, ReopenBreak, SayOfBreak
from tradesync_dagster.api.values import Name
from tradesync_dagster.bootstrap import Services
from tradesync_dagster.domain.api_keys import ApiKey
from tradesync_dagster.domain.breaks import BreakState
from tradesync_dagster.domain.errors import BreakNotFoundError
from tradesync_dagster.sync.explaining import Word

routes = APIRouter(prefix="/breaks", tags=["breaks"])
Row = dict[str, Any]


@routes.get(
    "",
    summary="List breaks, oldest first",
    response_model=list[Break],
    responses=READING,
)
def breaks(
    organization: Organization,
    services: ServicesNow,
    *,
    pseudo_account: Annotated[
        Name | None, Query(description="All accounts of the organization if not given.")
    ] = None,
    everything: Annotated[
        bool, Query(alias="all", description="Suspected and resolved ones too.")
    ] = False,
) -> list[Row]:
    """Those that are open, explained or accepted."""
    account = None if pseudo_account is None else key_of(organization, pseudo_account)
    return services.breaks(account, organization=organization, everything=everything)


@routes.post(
    "/explain",
    summary="Say what a break is",
    response_model=Break,
    responses=WRITING,
)
def explain(body: SayOfBreak, caller: Caller, services: ServicesNow) -> Row:
    """It stays listed until it is gone, and opens again if it changes."""
    return _say(services, caller, body, BreakState.EXPLAINED, body.note)


@routes.post(
    "/accept",
    summary="Accept a break as it is",
    response_model=Break,
    responses=WRITING,
)
def accept(body: SayOfBreak, caller: Caller, services: ServicesNow) -> Row:
    """It opens again if it changes."""
    return _say(services, caller, body, BreakState.ACCEPTED, body.note)


@routes.post(
    "/reopen",
    summary="Open a break again",
    response_model=Break,
    responses=WRITING,
)
def reopen(body: ReopenBreak, caller: Caller, services: ServicesNow) -> Row:
    """Whatever was said of it before."""
    return _say(services, caller, body, BreakState.OPEN, body.note)


def _say(services: Services, caller: ApiKey, body: NameBreak, state: BreakState, note: str) -> Row:
    check_own(caller, body.organization_id)
    account = key_of(body.organization_id, body.pseudo_account)
    services.explain(account, body.kind, body.subject, Word(state, caller.name, note))
    for row in services.breaks(account, everything=True):
        if (row["kind"], row["subject"]) == (body.kind, body.subject):
            return row
    raise BreakNotFoundError(f"the break {body.kind} {body.subject!r} is gone")
