"""``/hooks``: where brokers say that an order changed.

No key: a message proves itself by the signature of its account's own secret. What belongs here: the
route. What does not: what becomes of a message (``bootstrap.hints``).
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request

from tradesync_dagster.api.access import key_of
from tradesync_dagster.api.values import Name
from tradesync_dagster.bootstrap.hints import Hints
from tradesync_dagster.store.scope import see_only

# Brokers call it, no program of a desk: it is described in docs/orders.md.
routes = APIRouter(prefix="/hooks", include_in_schema=False)


async def _message(organization_id: Name, request: Request) -> bytes:
    """Read the body, as far as any may go, and hold the database to the organization."""
    see_only(organization_id)
    return await request.body()


@routes.post("/kite/{organization_id}/{pseudo_account}", status_code=HTTPStatus.ACCEPTED)
def kite(
    organization_id: Name,
    pseudo_account: Name,
    request: Request,
    body: Annotated[bytes, Depends(_message)],
) -> dict[str, str]:
    """Take a postback of Kite."""
    hints: Hints = request.app.state.hints
    if not hints.kite(key_of(organization_id, pseudo_account), body):
        raise HTTPException(HTTPStatus.FORBIDDEN, "the message is not signed by this account")
    return {"status": "accepted"}
