"""``tradesync login``: a new session at the account's broker.

What belongs here: leading a person through the broker's login page, and keeping what comes of it.
What does not: the page and the exchange (``brokers.zerodha_login`` and its kin).
"""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

import typer

from tradesync_dagster.bootstrap import Services, open_services
from tradesync_dagster.brokers.factory import LOGINS
from tradesync_dagster.cli import credentials
from tradesync_dagster.cli.arguments import AccountKey
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.settings import credentials_variable


def login(
    account: AccountKey,
    *,
    request_token: Annotated[
        str,
        typer.Option("--request-token", "--code", help="Asked for, unseen, when not given."),
    ] = "",
) -> None:
    """Log an account in at its broker, whose session of the day before has ended.

    Open the page that is printed and log in there. The broker then redirects to your application's
    address: paste that whole address, or the token in it.
    """
    services = open_services()
    (chosen,) = services.chosen(account)
    _check_kept_here(services, chosen)
    kind = LOGINS.get(chosen.broker)
    needed = kind.CREDENTIALS if kind else ()
    asked = credentials.ask(name for name in needed if name not in chosen.credentials)
    known = replace(chosen, credentials={**chosen.credentials, **asked})
    new = asyncio.run(_exchange(services, known, request_token))
    _check_same_user(chosen, new)
    services.store.put_credentials(chosen.key, {**asked, **new})
    typer.echo(f"{chosen.key} is logged in as {new['user_id']}.")


async def _exchange(services: Services, account: Account, token: str) -> Mapping[str, str]:
    state = secrets.token_urlsafe(16)
    brokers = services.brokers()
    try:
        login = brokers.login(account, state)
        name = LOGINS[account.broker].TOKEN
        if token:
            return await login.exchange(_token_in(token.strip(), name, ""))
        typer.echo(f"Log in here: {login.page}")
        token = typer.prompt(f"the address it redirects to, or its {name}", hide_input=True)
        expected = state if state in login.page else ""
        return await login.exchange(_token_in(token.strip(), name, expected))
    finally:
        await brokers.close()


def _token_in(pasted: str, name: str, state: str) -> str:
    """Take the token out of an address; anything else is the token itself.

    Raises:
        ConfigurationError: The address holds none, or comes of another login.
    """
    if "://" not in pasted:
        return pasted
    try:
        query = parse_qs(urlsplit(pasted).query)
    except ValueError:  # such as a bracket that is not closed
        query = {}
    if name not in query:
        raise ConfigurationError(f"that address has no {name}: log in again at a new page")
    if state and query.get("state") != [state]:
        raise ConfigurationError("that address comes of another login: log in again at a new page")
    return query[name][0]


def _check_kept_here(services: Services, account: Account) -> None:
    organization, pseudo_account = account.organization_id, account.pseudo_account
    given = credentials.elsewhere(services, organization, pseudo_account)
    if "access_token" in given:
        raise ConfigurationError(
            f"the access_token of {account.key} comes from the environment "
            f"({credentials_variable(organization, pseudo_account)}): give a new one there"
        )


def _check_same_user(account: Account, new: Mapping[str, str]) -> None:
    """Refuse somebody else's session: it would bring another account's orders into these books."""
    before = account.credentials.get("user_id", new["user_id"])
    if before != new["user_id"]:
        raise ConfigurationError(
            f"the login was {new['user_id']}'s, but {account.key} is the account of {before}; "
            "nothing was kept. Log out at the broker's page and log in as the right one"
        )
