"""``tradesync mandates``: what strategies may do by themselves, and what they wish.

What belongs here: commands and columns. What does not: bounds (``domain.mandates``), strategies.
"""

from typing import Annotated, Any

import typer

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.bootstrap.strategies import strategy_names
from tradesync_dagster.cli.arguments import AccountKey, DaysBack, OneAccount
from tradesync_dagster.cli.screen import AsJson, Group, print_json, show
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.mandates import basis_points
from tradesync_dagster.domain.money import parse_price

commands = typer.Typer(
    cls=Group, no_args_is_help=True, help="What strategies may do by themselves."
)

_MANDATE = (
    "account", "strategy_id", "plugin", "enabled", "capital", "positions", "target_percent",
    "stop_percent",
)  # fmt: skip
_SIGNAL = (
    "made_on", "strategy_id", "exchange", "symbol", "price", "target", "stop", "state", "words",
)  # fmt: skip


@commands.command("list")
def listed(account: OneAccount = None, *, as_json: AsJson = False) -> None:
    """List mandates."""
    rows = open_services().mandates().mandates(account)
    show(rows, as_json=as_json, title="Mandates", columns=_MANDATE)


@commands.command("set")
def change(  # noqa: PLR0913 - one an option
    account: AccountKey,
    strategy_id: Annotated[str, typer.Argument(metavar="STRATEGY")],
    *,
    who: Annotated[str, typer.Option(help="Who does it.")],
    plugin: Annotated[
        str | None, typer.Option(help="An installed strategy; see: tradesync mandates strategies")
    ] = None,
    capital: Annotated[
        str | None, typer.Option(metavar="RUPEES", help="Most that its positions may be worth.")
    ] = None,
    positions: Annotated[
        int | None, typer.Option(help="Into how many parts the capital is divided.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="PERCENT", help="Sell so far above the price.")
    ] = None,
    stop: Annotated[
        str | None, typer.Option(metavar="PERCENT", help="Sell so far below the price.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="NAME=TEXT", help="The strategy's own options.")
    ] = None,
    on: Annotated[bool | None, typer.Option("--on/--off", help="Whether it is used.")] = None,
    as_json: AsJson = False,
) -> None:
    """Give a strategy a mandate on an account, or change it."""
    given: dict[str, Any] = {
        "plugin": plugin,
        "capital": None if capital is None else parse_price(capital, "--capital"),
        "positions": positions,
        "target_bp": None if target is None else basis_points(parse_price(target), "--target"),
        "stop_bp": None if stop is None else basis_points(parse_price(stop), "--stop"),
        "options": None if option is None else dict(_pair(one) for one in option),
        "enabled": on,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    row = open_services().mandates().set_mandate(account, strategy_id, changes, who)
    if as_json:
        print_json(row)
    else:
        show([row], as_json=False, title="Mandate", columns=_MANDATE)


@commands.command("signals")
def signals(
    account: AccountKey,
    *,
    days: DaysBack = 7,
    as_json: AsJson = False,
) -> None:
    """List what strategies wished to buy, and what became of it."""
    rows = open_services().mandates().signals(account, days)
    show(rows, as_json=as_json, title=f"Signals of {account}", columns=_SIGNAL)


@commands.command("strategies")
def strategies() -> None:
    """Name the strategies that are installed."""
    for name in strategy_names():
        typer.echo(name)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise ConfigurationError(f"{text!r} is no NAME=TEXT, such as days=20")
    return name, value
