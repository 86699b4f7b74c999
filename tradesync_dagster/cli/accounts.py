"""``tradesync accounts``: the desk's accounts at their brokers.

What belongs here: listing, adding and switching accounts. What does not: how credentials are kept
(``store``). No command prints a credential.
"""

import re
import sys
from typing import Annotated, Any
from urllib.parse import urlsplit

import orjson
import typer

from tradesync_dagster.bootstrap import Services, open_services
from tradesync_dagster.brokers.factory import ADAPTERS, BrokerFactory
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.cli.screen import AsJson, Group, show
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import ConfigurationError, UnknownBrokerError

commands = typer.Typer(cls=Group, no_args_is_help=True, help="The desk's broker accounts.")

_KEY = re.compile(r"[A-Za-z0-9._@-]{1,64}/[A-Za-z0-9._@-]{1,64}")
_COLUMNS = ("account", "broker", "enabled", "base_url")
Key = Annotated[str, typer.Argument(metavar="ORG/ACCOUNT")]


@commands.command("list")
def listed(*, as_json: AsJson = False) -> None:
    """List all accounts, without their credentials."""
    accounts = open_services().store.accounts(enabled_only=False)
    rows = [_row(account) for account in accounts]
    show(rows, as_json=as_json, title="Accounts", columns=_COLUMNS)


@commands.command("add")
def add(
    account: Key,
    *,
    broker: Annotated[str, typer.Option(help="The broker's name, such as ZERODHA.")],
    api_key: Annotated[str, typer.Option(help="Asked for, unseen, when not given.")] = "",
    access_token: Annotated[str, typer.Option(help="Asked for, unseen, when not given.")] = "",
    base_url: Annotated[
        str | None,
        typer.Option(help="Another address of the broker's API; a known account keeps its own."),
    ] = None,
    credentials_stdin: Annotated[
        bool,
        typer.Option("--credentials-stdin", help="Read a JSON object of names to secrets."),
    ] = False,
) -> None:
    """Add an account, or give a known one new credentials.

    What stands on a command line can be read by other users of the machine while the command runs:
    leave the secrets out to be asked for them, or send them by standard input.
    """
    organization, pseudo_account = _parts(account)
    name = _broker(broker)
    _check_url(base_url or "")
    services = open_services()
    if credentials_stdin:
        credentials = _read_credentials()
    else:
        credentials = {
            "api_key": api_key or typer.prompt("API key", hide_input=True),
            "access_token": access_token or typer.prompt("Access token", hide_input=True),
        }
    known = _known(services, account)
    if base_url is None:
        base_url = known.base_url if known and known.broker == name else ""
    new = Account(
        account_id=0,
        organization_id=organization,
        pseudo_account=pseudo_account,
        broker=name,
        enabled=known.enabled if known else True,
        base_url=base_url,
        credentials=credentials,
    )
    _check_usable(services, new)
    services.store.put_accounts([new])
    typer.echo(f"{account} is {'up to date' if known else 'added'} ({name}).")


@commands.command("disable")
def disable(account: Key) -> None:
    """Leave an account out of syncs; its books stay."""
    open_services().store.set_enabled(account, enabled=False)
    typer.echo(f"{account} is left out of syncs.")


@commands.command("enable")
def enable(account: Key) -> None:
    """Include an account in syncs again."""
    open_services().store.set_enabled(account, enabled=True)
    typer.echo(f"{account} is included in syncs.")


def _row(account: Account) -> dict[str, Any]:
    return {
        "account": account.key,
        "organization_id": account.organization_id,
        "pseudo_account": account.pseudo_account,
        "broker": account.broker,
        "enabled": account.enabled,
        "base_url": account.base_url,
    }


def _known(services: Services, key: str) -> Account | None:
    accounts = services.store.accounts(enabled_only=False)
    return next((account for account in accounts if account.key == key), None)


def _parts(key: str) -> tuple[str, str]:
    if not _KEY.fullmatch(key):
        raise ConfigurationError(
            f"{key!r} does not name an account: write ORG/ACCOUNT, each of up to 64 letters, "
            "digits or . _ @ -"
        )
    organization, _, pseudo_account = key.partition("/")
    return organization, pseudo_account


def _broker(name: str) -> str:
    upper = name.upper()
    if upper not in ADAPTERS:
        raise UnknownBrokerError(
            f"no adapter for broker {name!r}; known are: {', '.join(sorted(ADAPTERS))}"
        )
    return upper


def _check_url(url: str) -> None:
    if url and not _is_address(url):
        raise ConfigurationError(
            "--base-url is not an address: write it as https://HOST or http://HOST:PORT, without "
            "a login or a query"
        )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port  # reading it finds one that is no port
    except ValueError:
        return False
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and plain and port != 0


def _check_usable(services: Services, account: Account) -> None:
    """Make the broker's client, which sends nothing: it refuses what it could not work with."""
    BrokerFactory(Transport(services.clock), services.clock).client(account)


def _read_credentials() -> dict[str, str]:
    try:
        found = orjson.loads(sys.stdin.buffer.read())
    except orjson.JSONDecodeError:
        raise ConfigurationError("standard input holds no JSON object of credentials") from None
    if not isinstance(found, dict) or not found:
        raise ConfigurationError("standard input holds no JSON object of credentials")
    wrong = [name for name, secret in found.items() if not isinstance(secret, str) or not secret]
    if wrong:
        raise ConfigurationError(f"the credentials {', '.join(wrong)} are not text")
    return found
