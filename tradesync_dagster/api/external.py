"""``/external``: orders that did not come from us, and a sync when one is wanted.

What belongs here: the routes. What does not: their owners (``ownership``), finding external
orders (``sync``), the sync's job (``defs``).
"""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query

from tradesync_dagster.api.access import Account, Caller, DagsterNow, ServicesNow, check_own, key_of
from tradesync_dagster.api.answers import Launched, Look
from tradesync_dagster.api.order_answers import Order
from tradesync_dagster.api.problems import READING, WRITING
from tradesync_dagster.api.questions import TriggerSync
from tradesync_dagster.api.values import Days, Name
from tradesync_dagster.bootstrap import Services
from tradesync_dagster.domain.errors import AccountNotFoundError

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


@routes.get(
    "/looks/{pseudo_account}",
    summary="List what was asked of the broker and what was decided, newest first",
    response_model=list[Look],
    responses=READING,
)
def looks(
    account: Account,
    services: ServicesNow,
    days: Annotated[Days, Query(description="How many days back, today included.")] = 1,
) -> Rows:
    """One row a look; a look whose every answer was whole proves that nothing was overlooked."""
    return services.looks(account, days)


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
    warning = dagster.queue_warning()  # asked first: a failure launches nothing
    run_id = dagster.launch(_JOB, {"ops": {_OP: {"config": config}}})
    return {
        "run_id": run_id, "url": dagster.page(run_id), "accounts": accounts, "warning": warning,
    }  # fmt: skip


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
