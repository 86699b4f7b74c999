"""``/external``: orders that did not come from us, their owners, and a sync when one is wanted.

What belongs here: the routes. What does not: finding external orders (``sync``), the sync's job
(``defs``).
"""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query

from tradesync_dagster.api.access import Account, Caller, DagsterNow, ServicesNow, check_own, key_of
from tradesync_dagster.api.answers import Assigned, Launched, Order
from tradesync_dagster.api.problems import READING, WRITING
from tradesync_dagster.api.questions import Assign, TriggerSync
from tradesync_dagster.api.values import Days, Name
from tradesync_dagster.bootstrap import Services
from tradesync_dagster.domain.errors import AccountNotFoundError
from tradesync_dagster.sync.assigning import Assignment

routes = APIRouter(prefix="/external", tags=["external orders"])
_JOB = "sync_job"
_OP = "sync_accounts"
Rows = list[dict[str, Any]]


@routes.get(
    "/external-orders/{pseudo_account}",
    summary="List external orders and candidates, newest first",
    response_model=list[Order],
    responses=READING,
)
def external_orders(
    account: Account,
    services: ServicesNow,
    days: Annotated[Days, Query(description="How many days back, today included.")] = 1,
) -> Rows:
    """An order is a candidate until two complete books of the broker have confirmed it."""
    return services.external_orders(account, days)


@routes.get(
    "/unassigned-orders/{pseudo_account}",
    summary="List external orders that no strategy owns, newest first",
    response_model=list[Order],
    responses=READING,
)
def unassigned_orders(account: Account, services: ServicesNow) -> Rows:
    """Of any day; candidates, which may yet turn out to be ours, are left out."""
    return services.unassigned_orders(account)


@routes.post(
    "/assign",
    summary="Give orders to a strategy, or take them back",
    response_model=Assigned,
    responses=WRITING,
)
def assign(body: Assign, caller: Caller, services: ServicesNow) -> dict[str, int]:
    """All or none; both owners' books and metrics follow. The key's name is kept as who did it."""
    check_own(caller, body.organization_id)
    account = key_of(body.organization_id, body.pseudo_account)
    wanted = Assignment(body.order_ids, body.strategy_id, caller.name, body.why)
    return {"changed": services.assign(account, wanted)}


@routes.post(
    "/trigger-sync",
    summary="Start a sync in Dagster",
    status_code=HTTPStatus.ACCEPTED,
    response_model=Launched,
    responses=WRITING,
)
def trigger_sync(
    caller: Caller,
    services: ServicesNow,
    dagster: DagsterNow,
    *,
    body: TriggerSync | None = None,
    organization_id: Annotated[
        Name | None, Query(description="Without a body; the key's own if not given.")
    ] = None,
    pseudo_account: Annotated[Name | None, Query(description="Without a body.")] = None,
    force: Annotated[bool, Query(description="Without a body.")] = False,
) -> dict[str, Any]:
    """Takes a JSON body, or the same names as query parameters."""
    wanted = body or TriggerSync(
        organization_id=organization_id or caller.organization_id,
        pseudo_account=pseudo_account,
        force=force,
    )
    check_own(caller, wanted.organization_id)
    accounts = _accounts(services, wanted)
    config = {"accounts": accounts, "force": wanted.force}
    run_id = dagster.launch(_JOB, {"ops": {_OP: {"config": config}}})
    return {"run_id": run_id, "url": dagster.page(run_id), "accounts": accounts}


def _accounts(services: Services, wanted: TriggerSync) -> list[str]:
    """Name the accounts one by one: a job without any would sync those of all organizations."""
    organization = wanted.organization_id
    if wanted.pseudo_account is not None:
        found = services.chosen(key_of(organization, wanted.pseudo_account))
        return [account.key for account in found]
    enabled = [a.key for a in services.store.accounts() if a.organization_id == organization]
    if not enabled:
        raise AccountNotFoundError(f"no account of {organization} is enabled")
    return enabled
