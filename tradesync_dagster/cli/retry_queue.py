"""``tradesync orders queue``, ``drop``, ``tend``: failed orders that may be tried again.

What belongs here: commands and columns. What does not: retrying one order (``orders``), the queue's
steps (``sync.retrying``, ``sync.tending``).
"""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.cli.arguments import AccountKey, OneAccount
from tradesync_dagster.cli.orders import OrderId, Who, id_of
from tradesync_dagster.cli.screen import AsJson, show, warn

_QUEUE = (
    "account", "order_id", "order", "status", "failure_reason", "shortfall", "retry_count",
    "next_retry_at", "expires_at", "held_by",
)  # fmt: skip


def queue(account: OneAccount = None, *, as_json: AsJson = False) -> None:
    """Show failed orders that may be tried again, the oldest failure first."""
    rows = open_services().retries().listed(account=account)
    if not as_json:
        rows = [row | {"order": _short(row)} for row in rows]
    show(rows, as_json=as_json, title="Retry queue", columns=_QUEUE)


def drop(
    account: AccountKey, order_id: OrderId, *, who: Who,
    why: Annotated[str, typer.Option(help="For what reason.")] = "",
) -> None:  # fmt: skip
    """Give a failed order up, so that nobody tries it again."""
    order = open_services().retries().drop(account, id_of(order_id), who=who, why=why)
    typer.echo(f"{account}: order {order.order_id} is dropped; it is {order.status.value}.")


def tend(account: OneAccount = None) -> None:
    """Look at the retry queue once, as Dagster does every minute."""
    done = open_services().retries().tend([account] if account else None)
    for order in done.sent:
        typer.echo(f"order {order.order_id} was sent again; it is {order.status.value}.")
    for order_id in done.expired:
        typer.echo(f"order {order_id} expired.")
    for sentence in done.held:
        warn(sentence)
    typer.echo(f"{done.waiting} waited, {len(done.sent)} sent, {len(done.expired)} expired.")


def _short(row: Mapping[str, Any]) -> str:
    return f"{row['side']} {row['quantity']} {row['exchange']}:{row['symbol']}"
