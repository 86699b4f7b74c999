"""``tradesync accounts trade``: trade an account through its broker, or through its paper twin.

What belongs here: the command. What does not: opening the twin (``bootstrap.paper``), when an
account may be switched (``sync.twins``).
"""

from typing import Annotated

import typer

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.bootstrap.paper import Through, Twins
from tradesync_dagster.cli.arguments import AccountKey


def trade(
    account: AccountKey,
    *,
    through: Annotated[
        Through | None, typer.Option(help="Where new orders go; only told when not given.")
    ] = None,
    who: Annotated[str, typer.Option(help="Who does it; needed to change it.")] = "",
) -> None:
    """Say where an account's new orders go, or change it while no order of ours is open.

    On paper they go to ORG/ACCOUNT-paper, a paper account with books of its own, which is opened
    when it is first needed; the account's own books go on following its broker.
    """
    twins = Twins(open_services())
    if through is None:
        books = twins.books(account)
    else:
        traded = twins.trade(account, through, who)
        books = traded.books
        if traded.opened is not None:
            typer.echo(
                f"{books.key} is added ({books.broker}), at {books.base_url} with "
                f"{traded.opened.cash}."
            )
    typer.echo(f"{account} trades through {'its broker' if books.key == account else books.key}.")
