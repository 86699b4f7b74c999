"""``/external``: whose orders are, why, and giving them to strategies by hand.

What belongs here: the routes. What does not: the orders themselves (``external``), strategies and
claims (``claims``).
"""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from tradesync_dagster.api.access import Account, Caller, ServicesNow, check_own, key_of
from tradesync_dagster.api.answers import Assigned, Decision
from tradesync_dagster.api.answers import Assignment as ChangeOfOwner
from tradesync_dagster.api.problems import ASSIGNING, READING
from tradesync_dagster.api.questions import Assign, UndoAssignment
from tradesync_dagster.domain.order_parts import Part
from tradesync_dagster.sync.assigning import Assigned as Done
from tradesync_dagster.sync.assigning import Assignment, Undo
from tradesync_dagster.sync.documents import shown

routes = APIRouter(prefix="/external", tags=["owners"])
Rows = list[dict[str, Any]]


@routes.get(
    "/attributions/{pseudo_account}/{order_id}",
    summary="Show how an order found its owner",
    response_model=list[Decision],
    responses=READING,
)
def attributions(account: Account, services: ServicesNow, order_id: UUID) -> Rows:
    """The decisions on a confirmed external order, newest first, with each strategy's points."""
    return [shown(row) for row in services.attribution(order_id, account)]


@routes.get(
    "/assignments/{pseudo_account}/{order_id}",
    summary="Show how an order came to its owners",
    response_model=list[ChangeOfOwner],
    responses=READING,
)
def assignments(account: Account, services: ServicesNow, order_id: UUID) -> Rows:
    """Every change, newest first: by attribution, by hand, and what was undone."""
    return services.assignments(order_id, account)


@routes.post(
    "/assign",
    summary="Give orders to strategies, or take them back",
    response_model=Assigned,
    responses=ASSIGNING,
)
def assign(body: Assign, caller: Caller, services: ServicesNow) -> dict[str, Any]:
    """All or none; all owners' books and metrics follow. The key's name is kept as who did it."""
    check_own(caller, body.organization_id)
    account = key_of(body.organization_id, body.pseudo_account)
    parts = tuple(Part(one.strategy_id, one.quantity) for one in body.parts)
    wanted = Assignment(
        body.order_ids, body.strategy_id, caller.name, body.why, parts, body.allow_short
    )
    return _done(services.assign(account, wanted))


@routes.post(
    "/undo",
    summary="Undo the last assignment of orders",
    response_model=Assigned,
    responses=ASSIGNING,
)
def undo(body: UndoAssignment, caller: Caller, services: ServicesNow) -> dict[str, Any]:
    """All or none; what is undone already stays so. An undoing is an assignment as well."""
    check_own(caller, body.organization_id)
    account = key_of(body.organization_id, body.pseudo_account)
    wanted = Undo(body.order_ids, caller.name, body.why, body.assignment_id, body.allow_short)
    return _done(services.undo(account, wanted))


def _done(done: Done) -> dict[str, Any]:
    return {
        "changed": len(done.order_ids),
        "order_ids": [str(order_id) for order_id in done.order_ids],
        "assignment_id": done.assignment_id and str(done.assignment_id),
    }
