"""``tradesync accounts trade``: trade an account through its broker, or through its paper twin.

What belongs here: opening the twin, and the command. What does not: when an account may be switched
(``sync.twins``).
"""

from enum import StrEnum
from typing import Annotated

import typer

from tradesync_dagster.bootstrap import Services, open_services
from tradesync_dagster.cli import paper
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.twins import LIVE, PAPER, SUFFIX


class Through(StrEnum):
    """Where an account's orders go."""

    LIVE = LIVE
    PAPER = PAPER


_LONGEST = 64 - len(SUFFIX)


def trade(
    account: Annotated[str, typer.Argument(metavar="ORG/ACCOUNT")],
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
    services = open_services()
    (chosen,) = services.chosen(account)
    books = services.trades_through(chosen)
    if through is Through.PAPER or (through is Through.LIVE and books != chosen):
        twin = _twin(services, chosen)
        services.trading().switch(account, twin.key, through.value, who)
        books = services.trades_through(chosen)
    typer.echo(f"{account} trades through {'its broker' if books == chosen else books.key}.")


def _twin(services: Services, account: Account) -> Account:
    """Find an account's twin, or open it.

    Raises:
        ConfigurationError: The account is a paper account, or its twin's name cannot be used.
    """
    if account.broker == paper.BROKER:
        raise ConfigurationError(f"{account.key} is a paper account: it trades nowhere else")
    name = account.pseudo_account + SUFFIX
    if len(account.pseudo_account) > _LONGEST:
        raise ConfigurationError(f"{name!r} is too long to name the paper account")
    everyone = services.store.accounts(enabled_only=False)
    wanted = Account(0, account.organization_id, name, paper.BROKER)
    for one in everyone:
        if one.key == wanted.key:
            if one.broker != paper.BROKER:
                raise ConfigurationError(f"{one.key} is an account at {one.broker}, so no twin")
            return one
    made, found = paper.opened(services, wanted, "")
    services.store.put_accounts([made])
    typer.echo(f"{made.key} is added ({made.broker}), at {made.base_url} with {found.cash}.")
    return made
