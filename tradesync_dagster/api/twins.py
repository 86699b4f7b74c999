"""``/accounts/{pseudo_account}/trade``: whether an account trades on paper, and changing that.

What belongs here: the routes, and the shapes of what they take and answer. What does not: opening a
twin (``bootstrap.paper``), when an account may be switched (``sync.twins``).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from tradesync_dagster.api.access import (
    Account,
    Caller,
    ServicesNow,
    check_own,
    check_role,
    key_of,
)
from tradesync_dagster.api.problems import ASSIGNING, READING
from tradesync_dagster.api.questions import Question
from tradesync_dagster.api.values import Name
from tradesync_dagster.bootstrap.paper import Through, Twins
from tradesync_dagster.domain.people import Role

routes = APIRouter(tags=["accounts"])


class TradeAnswer(BaseModel):
    """Where an account's new orders go."""

    account: str
    through: Through
    books: Annotated[str, Field(description="The account that has them: itself, or its twin.")]


class SetTrade(Question):
    """Where an account's new orders shall go."""

    through: Annotated[Through, Field(strict=False)]


@routes.get(
    "/accounts/{pseudo_account}/trade",
    summary="Tell whether an account trades on paper",
    response_model=TradeAnswer,
    responses=READING,
)
def trades(account: Account, services: ServicesNow) -> dict[str, Any]:
    """Its new orders go to its broker, or to its paper twin."""
    return _answer(account, Twins(services).books(account).key)


@routes.post(
    "/accounts/{pseudo_account}/trade",
    summary="Trade an account on paper, or for real",
    response_model=TradeAnswer,
    responses=ASSIGNING,
)
def trade(
    body: SetTrade, caller: Caller, services: ServicesNow, pseudo_account: Annotated[Name, Path()]
) -> dict[str, Any]:
    """From the next order on; refused while orders of ours are open or wait to be tried again.

    For keys of the role ``admin``.
    """
    check_role(caller, Role.ADMIN)
    check_own(caller, body.organization_id)
    account = key_of(body.organization_id, pseudo_account)
    done = Twins(services).trade_logged(account, body.through, caller.name)
    return _answer(account, done.books.key)


def _answer(account: str, books: str) -> dict[str, Any]:
    through = Through.LIVE if books == account else Through.PAPER
    return {"account": account, "through": through, "books": books}
