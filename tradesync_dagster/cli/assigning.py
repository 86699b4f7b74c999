"""``tradesync assign`` and ``undo-assignment``: owners given by hand, and taken back.

What belongs here: the commands and their options. What does not: whose orders are by evidence
(``strategies``).
"""

from typing import Annotated
from uuid import UUID

import typer

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.cli.arguments import ORDER_NAME, AccountKey
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.order_parts import parts_from
from tradesync_dagster.sync.assigning import Assigned, Assignment, Undo

OrderNames = Annotated[list[str], typer.Argument(metavar="ORDER_ID...", help=ORDER_NAME)]
Who = Annotated[str, typer.Option(help="Who decides it.")]
Why = Annotated[str, typer.Option(help="For what reason.")]
AllowShort = Annotated[
    bool, typer.Option("--allow-short", help="Give strategies sells of what they have not.")
]


def assign(
    account: AccountKey,
    order_ids: OrderNames,
    *,
    who: Who,
    why: Why,
    strategy: Annotated[
        str | None,
        typer.Option(help="Owns them, or what --split leaves; empty to take the orders back."),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(metavar="NAME=QUANTITY,...", help="Each order's first units, part by part."),
    ] = None,
    allow_short: AllowShort = False,
) -> None:
    """Give orders to strategies, whole or in parts, and make their books and metrics anew."""
    if strategy is None and not split:
        raise ConfigurationError(
            "say who owns the orders: --strategy NAME, --split NAME=QUANTITY,..., or both"
        )
    parts = parts_from(split or "")
    services = open_services()
    chosen = services.orders_named(account, order_ids)
    wanted = Assignment(chosen, strategy or "", who, why, parts, allow_short)
    _tell(services.assign(account, wanted), len(chosen))


def undo(
    account: AccountKey,
    order_ids: OrderNames,
    *,
    who: Who,
    why: Why,
    assignment: Annotated[
        UUID | None,
        typer.Option(help="Only this one; see: tradesync attribution history ORDER_ID"),
    ] = None,
    allow_short: AllowShort = False,
) -> None:
    """Undo the last assignment of orders; undoing that again is to do it after all."""
    services = open_services()
    chosen = services.orders_named(account, order_ids)
    wanted = Undo(chosen, who, why, assignment, allow_short)
    _tell(services.undo(account, wanted), len(chosen))


def _tell(done: Assigned, wanted: int) -> None:
    name = f" (assignment {done.assignment_id})" if done.assignment_id else ""
    typer.echo(f"{len(done.order_ids)} of {wanted} order(s) changed their owner{name}")
