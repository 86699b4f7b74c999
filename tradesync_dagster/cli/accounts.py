"""``tradesync accounts``: the desk's accounts at their brokers.

What belongs here: listing, adding and switching accounts, and their keys. What does not: asking for
credentials (``credentials``), how they are kept (``store``). No command prints a credential.
"""

import re
from dataclasses import replace
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from tradesync_dagster.bootstrap import Services, open_services
from tradesync_dagster.bootstrap.paper import BROKER, opened
from tradesync_dagster.brokers.factory import ADAPTERS, LOGINS, BrokerFactory
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.cli import credentials
from tradesync_dagster.cli.arguments import AccountKey
from tradesync_dagster.cli.screen import AsJson, Group, show, warn
from tradesync_dagster.domain.accounts import NAME, Account
from tradesync_dagster.domain.errors import ConfigurationError, UnknownBrokerError
from tradesync_dagster.settings import load_settings

commands = typer.Typer(cls=Group, no_args_is_help=True, help="The desk's broker accounts.")

_KEY = re.compile(f"{NAME}/{NAME}")
_TRADELESS = "AUTOTRADER"
"""A broker that tells of no trades, so that they are made from orders (``domain.watermarks``)."""
_LATER = "access_token"
"""What a login gives."""
_COLUMNS = ("account", "broker", "enabled", "live", "base_url")
Named = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME[=-]", help="Ask for it, or read it as a line of stdin (=-)."),
]
FromStdin = Annotated[
    bool, typer.Option("--credentials-stdin", help="Read a JSON object of names to secrets.")
]
Later = Annotated[
    bool, typer.Option("--login-later", help="Leave the access token to `tradesync login`.")
]


@commands.command("list")
def listed(*, as_json: AsJson = False) -> None:
    """List all accounts, without their credentials."""
    accounts = open_services().store.accounts(enabled_only=False)
    rows = [_row(account) for account in accounts]
    show(rows, as_json=as_json, title="Accounts", columns=_COLUMNS)


@commands.command("add")
def add(  # noqa: PLR0913 - one parameter an option
    account: AccountKey,
    *,
    broker: Annotated[str, typer.Option(help="The broker's name, such as ZERODHA.")],
    api_key: Annotated[str, typer.Option(help="Asked for, unseen, when not given.")] = "",
    access_token: Annotated[str, typer.Option(help="Asked for, unseen, when not given.")] = "",
    base_url: Annotated[
        str | None,
        typer.Option(help="Another address of the broker's API; a known account keeps its own."),
    ] = None,
    credential: Named = None,
    credentials_stdin: FromStdin = False,
    login_later: Later = False,
    cash: Annotated[
        str, typer.Option(metavar="RUPEES", help="What a new PAPER account begins with: 1000000.")
    ] = "",
) -> None:
    """Add an account, or give a known one new credentials; those not given stay.

    What its broker needs is asked for, unseen. What stands on a command line can be read by other
    users of the machine while the command runs: leave the secrets out to be asked for them, or send
    them by standard input. A PAPER account is opened at the exchange of TRADESYNC_PAPER_URL, and
    asks for nothing.
    """
    organization, pseudo_account = _parts(account)
    name = _broker(broker)
    _check_url(base_url or "")
    services = open_services()
    known = _known(services, account)
    empty = Account(0, organization, pseudo_account, name, known.enabled if known else True)
    stays = known if known and known.broker == name else empty
    if base_url is not None:
        stays = replace(stays, base_url=base_url)
    if BROKER in (name, known.broker if known else name):
        secrets = (api_key, access_token, credential, credentials_stdin, login_later)
        _add_paper(services, stays, known, cash, asked=any(secrets))
        return
    _check_stays(services, known, name)
    if cash:
        raise ConfigurationError("--cash is for paper accounts: --broker PAPER")
    elsewhere = credentials.elsewhere(services, organization, pseudo_account)
    if login_later:
        elsewhere = {_LATER: "later"} | elsewhere
        _check_login(name)
    if credentials_stdin:
        given = credentials.read_object()
    else:
        options = {"api_key": api_key, _LATER: access_token}
        given = credentials.gather(
            ADAPTERS[name].CREDENTIALS, options, credential or [], stays.credentials, elsewhere
        )
    new = replace(stays, credentials={**stays.credentials, **given})
    _check_usable(services, replace(new, credentials={**new.credentials, **elsewhere}))
    services.store.put_accounts([new])
    typer.echo(f"{account} is {'up to date' if known else 'added'} ({name}).")


@commands.command("new-key")
def new_key() -> None:
    """Put a new key first in the key file; ``rotate-keys`` then closes everything with it."""
    path = load_settings().keys.add()
    typer.echo(f"A new key stands first in {path}. Close the credentials with it:")
    typer.echo("tradesync accounts rotate-keys")


@commands.command("rotate-keys")
def rotate_keys() -> None:
    """Close all credentials anew with the first key, so that older ones no longer open them."""
    services = open_services()
    done = services.store.rotate_credentials(services.settings.keys.newest())
    everyone = len(services.store.accounts(enabled_only=False, as_stored=True))
    typer.echo(f"{done} of {everyone} accounts were closed with an older key; none is now.")


@commands.command("disable")
def disable(account: AccountKey) -> None:
    """Leave an account out of syncs; its books stay."""
    open_services().store.disable(account)
    typer.echo(f"{account} is left out of syncs.")


@commands.command("enable")
def enable(account: AccountKey) -> None:
    """Include an account in syncs again."""
    services = open_services()
    services.store.enable(account, services.clock.now())
    typer.echo(f"{account} is included in syncs.")


def _add_paper(
    services: Services, account: Account, known: Account | None, cash: str, *, asked: bool
) -> None:
    """Open a paper account and keep it; a name is of a paper account for good, or never."""
    if known and known.broker != account.broker:
        raise ConfigurationError(
            f"{account.key} is an account at {known.broker}: its books cannot go on at "
            f"{account.broker}; choose another name"
        )
    if asked:
        raise ConfigurationError("a paper account needs no credentials: leave them out")
    new, found = opened(services, account, cash)
    _check_usable(services, new)
    services.store.put_accounts([new])
    typer.echo(
        f"{account.key} is {'up to date' if known else 'added'} ({new.broker}), at {new.base_url} "
        f"with cash of {found.cash}."
    )
    if known and found.new:
        warn(
            f"the exchange did not have {account.key} and opened it anew: the books here hold what "
            "it traded before, and will differ; an account of another name begins with empty books"
        )


@commands.command("live")
def live(
    account: AccountKey,
    *,
    on: Annotated[
        bool | None, typer.Option("--on/--off", help="Whether its broker may get orders.")
    ] = None,
) -> None:
    """Say whether orders may be placed at an account's broker, or change it.

    TRADESYNC_LIVE_ORDERS_ENABLED must be set besides; a paper account needs neither.
    """
    services = open_services()
    if on is not None:
        services.store.set_live(account, live=on)
    (known,) = services.chosen(account)
    typer.echo(f"{account} is {'live' if known.live else 'not live'}.")


def _check_stays(services: Services, known: Account | None, broker: str) -> None:
    """Refuse to take an account from a broker without trades to one that would tell them again.

    Raises:
        ConfigurationError: Its books hold trades that were made from its orders' progress.
    """
    if known is None or known.broker == broker or known.broker != _TRADELESS:
        return
    with services.store.look() as work:
        if not work.fills([known.account_id], date.min).empty:
            raise ConfigurationError(
                f"{known.key} is an account at {known.broker}, and its books hold trades made from "
                f"how its orders filled: {broker}'s trades and tradebooks would count them twice; "
                "choose another name"
            )


def _row(account: Account) -> dict[str, Any]:
    return {
        "account": account.key,
        "organization_id": account.organization_id,
        "pseudo_account": account.pseudo_account,
        "broker": account.broker,
        "enabled": account.enabled,
        "live": account.live,
        "base_url": account.base_url,
    }


def _known(services: Services, key: str) -> Account | None:
    accounts = services.store.accounts(enabled_only=False, as_stored=True)
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


def _check_login(broker: str) -> None:
    if broker not in LOGINS:
        raise ConfigurationError(
            f"--login-later is for brokers that `tradesync login` knows, not for {broker}"
        )


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
