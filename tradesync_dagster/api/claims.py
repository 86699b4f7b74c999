"""``/strategies`` and ``/claims``: who can own orders, and which instruments are said to be whose.

What belongs here: the routes. What does not: the rules by which owners are found
(``domain.attribution``), orders given away by hand (``external``).
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path

from tradesync_dagster.api.access import Caller, Organization, ServicesNow, check_own, key_of
from tradesync_dagster.api.answers import Claim, Removed, Strategy
from tradesync_dagster.api.problems import READING, WRITING
from tradesync_dagster.api.questions import AddClaim, AddStrategy
from tradesync_dagster.domain.errors import ClaimNotFoundError, StrategyNotFoundError
from tradesync_dagster.sync.documents import shown

routes = APIRouter(tags=["strategies"])
Row = dict[str, Any]


@routes.get(
    "/strategies",
    summary="List the organization's strategies",
    response_model=list[Strategy],
    responses=READING,
)
def strategies(organization: Organization, services: ServicesNow) -> list[Row]:
    """By their ids; the automatic one too, which takes what nobody owns."""
    return [shown(row) for row in services.strategies(organization)]


@routes.post(
    "/strategies",
    summary="Make a strategy known",
    response_model=Strategy,
    responses=WRITING,
)
def add_strategy(body: AddStrategy, caller: Caller, services: ServicesNow) -> Row:
    """One that is known already stays as it is."""
    check_own(caller, body.organization_id)
    services.add_strategy(body.organization_id, body.strategy_id, body.name)
    for row in services.strategies(body.organization_id):
        if row["strategy_id"] == body.strategy_id:
            return shown(row)
    raise StrategyNotFoundError(f"the strategy {body.strategy_id} is gone")


@routes.get(
    "/claims",
    summary="List the organization's claims",
    response_model=list[Claim],
    responses=READING,
)
def claims(organization: Organization, services: ServicesNow) -> list[Row]:
    """By instrument; one without an account is for all of the organization's."""
    return [shown(row) for row in services.claims(organization)]


@routes.post(
    "/claims",
    summary="Claim an instrument for a strategy",
    response_model=Claim,
    responses=WRITING,
)
def add_claim(body: AddClaim, caller: Caller, services: ServicesNow) -> Row:
    """Orders to come follow. The same again changes nothing; the first to make it stays."""
    check_own(caller, body.organization_id)
    organization, account = body.organization_id, body.pseudo_account
    where = organization if account is None else key_of(organization, account)
    instrument = f"{body.exchange}:{body.symbol}"
    made = services.add_claim(where, body.strategy_id, instrument, caller.name)
    for row in services.claims(organization):
        if row["claim_id"] == made:
            return shown(row)
    raise ClaimNotFoundError(f"the claim {made} is gone")


@routes.delete(
    "/claims/{claim_id}",
    summary="Take a claim back",
    response_model=Removed,
    responses=READING,
)
def remove_claim(
    organization: Organization,
    services: ServicesNow,
    claim_id: Annotated[UUID, Path(description="As `GET /claims` lists it.")],
) -> Row:
    """Orders that it has given away stay where they are."""
    services.remove_claim(claim_id, organization)
    return {"claim_id": str(claim_id)}
