"""``tradesync orders``: the ledger's orders, and placing, changing and stopping our own.

What belongs here: commands and columns. What does not: the listing's columns (``books``), the rules
(``domain.order_limits``, ``order_states``).
"""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import typer

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.cli import books
from tradesync_dagster.cli.arguments import AccountKey
from tradesync_dagster.cli.screen import AsJson, Group, console, print_json, show, table, warn
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.money import format_price, parse_price, parse_quantity
from tradesync_dagster.domain.order_limits import Limits
from tradesync_dagster.domain.order_requests import OrderText
from tradesync_dagster.domain.order_states import drawing
from tradesync_dagster.domain.orders import OrderStatus
from tradesync_dagster.sync.verifying import Verified

_LIST = "list"
_NOT_DONE = frozenset({"cancel_not_done", "cancel_too_late", "modify_not_done"})
_NOT_PLACED = frozenset({OrderStatus.FAILED, OrderStatus.REJECTED, OrderStatus.UNKNOWN})
_EVENT = ("at", "kind", "detail")


class Orders(Group):
    """Commands of which the listing needs no name: ``tradesync orders [ORG/ACCOUNT]``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the listing's name in where no command is named."""
        first = args[0] if args else ""
        if first not in self.commands and first != "--help":
            if first and "/" not in first and not first.startswith("-"):
                names = ", ".join(self.commands)
                raise ConfigurationError(
                    f"orders has no command {first!r}, and an account is ORG/ACCOUNT; its commands "
                    f"are {names}"
                )
            args = [_LIST, *args]
        return super().parse_args(ctx, args)


commands = typer.Typer(
    cls=Orders,
    no_args_is_help=False,
    help="Orders, ours and external ones; and placing, changing and stopping ours.",
)
commands.command(_LIST)(books.orders)
OrderId = Annotated[
    str, typer.Argument(metavar="ORDER_ID", help="See: tradesync orders list --json")
]
Scope = Annotated[str, typer.Argument(metavar="[ORG[/ACCOUNT]]", help="All where not given.")]
Who = Annotated[str, typer.Option(help="Who decides it.")]
Why = Annotated[str, typer.Option(help="For what reason.")]
NoVerify = Annotated[
    bool, typer.Option("--no-verify", help="Do not wait to look at the broker's book.")
]
Price = Annotated[str, typer.Option(help="Its limit; a market order without one.")]
Trigger = Annotated[str, typer.Option(help="From which price on it is sent.")]
Amount = Annotated[str, typer.Option(metavar="AMOUNT", help="In rupees.")]


@commands.command("place")
def place(  # noqa: PLR0913 - one parameter an option
    account: AccountKey,
    side: Annotated[str, typer.Argument(metavar="BUY|SELL")],
    quantity: Annotated[str, typer.Argument(metavar="QUANTITY")],
    instrument: Annotated[str, typer.Argument(metavar="EXCHANGE:SYMBOL")],
    *,
    who: Who,
    product: Annotated[str, typer.Option(help="CNC, MIS, NRML or MTF.")] = "CNC",
    price: Price = "",
    trigger_price: Trigger = "",
    validity: Annotated[str, typer.Option(help="DAY or IOC.")] = "DAY",
    amo: Annotated[bool, typer.Option("--amo", help="For the next session.")] = False,
    strategy: Annotated[str, typer.Option(help="Its owner.")] = "",
    key: Annotated[
        str, typer.Option(help="Your name for it: under one name it goes out once.")
    ] = "",
    no_verify: NoVerify = False,
    as_json: AsJson = False,
) -> None:
    """Place an order, and look at the broker's book a few seconds later.

    Exit code 1 when it was refused, rejected, or when nobody knows yet.
    """
    text = OrderText(side, quantity, instrument, product, price, trigger_price, validity, amo)
    found = (
        open_services()
        .trading()
        .place(account, text, who=who, strategy=strategy, key=key, verify=not no_verify)
    )
    _tell(account, found, as_json=as_json)


@commands.command("retry")
def retry(
    account: AccountKey, order_id: OrderId, *, who: Who, no_verify: NoVerify = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Try an order of ours again that failed or was rejected."""
    trading = open_services().trading()
    found = trading.retry(account, id_of(order_id), who=who, verify=not no_verify)
    _tell(account, found, as_json=as_json)


@commands.command("modify")
def modify(  # noqa: PLR0913 - one parameter an option
    account: AccountKey,
    order_id: OrderId,
    *,
    who: Who,
    quantity: Annotated[str, typer.Option(help="Shares or contracts in all.")] = "",
    price: Price = "",
    trigger_price: Trigger = "",
    order_type: Annotated[str, typer.Option(help="MARKET, LIMIT, SL or SL-M.")] = "",
    validity: Annotated[str, typer.Option(help="DAY or IOC.")] = "",
    no_verify: NoVerify = False,
    as_json: AsJson = False,
) -> None:
    """Change an order of ours that is at its broker; what is not named stays."""
    named = {
        "quantity": quantity,
        "price": price,
        "trigger_price": trigger_price,
        "order_type": order_type.upper(),
        "validity": validity.upper(),
    }
    changes = {name: value for name, value in named.items() if value}
    trading = open_services().trading()
    found = trading.modify(account, id_of(order_id), changes, who=who, verify=not no_verify)
    _tell(account, found, as_json=as_json)


@commands.command("cancel")
def cancel(
    account: AccountKey,
    order_id: OrderId,
    *,
    who: Who,
    why: Why,
    no_verify: NoVerify = False,
    as_json: AsJson = False,
) -> None:
    """Cancel an order, ours or not; no limit and no halt keeps one in."""
    trading = open_services().trading()
    found = trading.cancel(account, id_of(order_id), who=who, why=why, verify=not no_verify)
    _tell(account, found, as_json=as_json)


@commands.command("show")
def shown(account: AccountKey, order_id: OrderId, *, as_json: AsJson = False) -> None:
    """Show an order, its sendings, and what happened to it."""
    found = open_services().trading().show(account, id_of(order_id))
    if as_json:
        print_json(found)
        return
    events = [{"at": e["at"], "kind": e["kind"], "detail": _words(e)} for e in found.pop("events")]
    sent = found.pop("sendings")
    rows = [{"what": name, "is": value} for name, value in found.items() if value not in ("", None)]
    console().print(table(f"Order {order_id}", ("what", "is"), rows))
    console().print(table("Sendings", ("client_order_id", "state", "created_at", "reason"), sent))
    console().print(table("What happened", _EVENT, events))


@commands.command("limits")
def limits(
    account: AccountKey,
    *,
    order_value: Amount = "",
    day_value: Amount = "",
    position_value: Amount = "",
    open_orders: Annotated[str, typer.Option(metavar="COUNT")] = "",
    who: Annotated[str, typer.Option(help="Who changes them.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show what an account's orders keep to, or change it."""
    money = {
        "order_value": order_value, "day_value": day_value, "position_value": position_value,
    }  # fmt: skip
    changes = {name: parse_price(value, name) for name, value in money.items() if value}
    if open_orders:
        changes["open_orders"] = parse_quantity(open_orders, "open_orders")
    trading = open_services().trading()
    found = trading.set_limits(account, changes, who) if changes else trading.limits(account)
    show([_limits(account, found)], as_json=as_json, title="Limits", columns=_LIMITS)


@commands.command("halt")
def halt(scope: Scope = "", *, who: Who, why: Why) -> None:
    """Stop placing orders, everywhere or in one place; cancelling goes on."""
    new = open_services().trading().halt(scope, who, why)
    what = scope or "everything"
    typer.echo(f"{what} is halted." if new else f"{what} was halted already, and stays so.")


@commands.command("resume")
def resume(scope: Scope = "", *, who: Who, why: Why) -> None:
    """Let orders out again; a halt of something wider stays."""
    ended = open_services().trading().resume(scope, who, why)
    what = scope or "everything"
    typer.echo(f"{what} goes on." if ended else f"{what} was not halted by itself.")


@commands.command("halts")
def halts(*, as_json: AsJson = False) -> None:
    """Show what is halted, by whom and why."""
    rows = [
        {"scope": one.scope or "(all)", "halted_at": one.halted_at.isoformat()}
        | {"who": one.who, "why": one.why}
        for one in open_services().trading().halts()
    ]
    show(rows, as_json=as_json, title="Halts", columns=("scope", "halted_at", "who", "why"))


@commands.command("states")
def states() -> None:
    """Print the table of statuses and the drawing of it, as docs/orders.md has them."""
    typer.echo(drawing(), nl=False)


_LIMITS = ("account", "order_value", "day_value", "open_orders", "position_value")


def _limits(account: str, found: Limits) -> Mapping[str, Any]:
    return {
        "account": account,
        "order_value": format_price(found.order_value),
        "day_value": format_price(found.day_value),
        "open_orders": found.open_orders,
        "position_value": format_price(found.position_value),
    }


def id_of(text: str) -> UUID:
    """Read an order's id as it was typed."""
    try:
        return UUID(text)
    except ValueError:
        raise ConfigurationError(
            f"{text[:80]!r} is no order's id, such as tradesync orders list --json shows"
        ) from None


def _words(event: Mapping[str, Any]) -> str:
    rest = (item for item in event.items() if item[0] not in ("at", "kind"))
    return ", ".join(f"{name} {value}" for name, value in rest)


def _tell(account: str, found: Verified, *, as_json: bool) -> None:
    order, row = found.order, found.order.broker
    if as_json:
        print_json(open_services().trading().show(account, order.order_id))
    else:
        told = "".join(f"; {kind.replace('_', ' ')}" for kind in found.told)
        filled = f", {row.filled_quantity} of {row.quantity} filled" if row.filled_quantity else ""
        at = f" ({row.broker_order_id} at the broker)" if row.broker_order_id else ""
        typer.echo(f"{account}: order {order.order_id}{at} is {order.status.value}{filled}{told}.")
    problem = _problem(found)
    if problem:
        warn(problem)
        raise typer.Exit(1)


def _problem(found: Verified) -> str:
    order = found.order
    if found.error:
        return f"the broker's book could not be looked at: {found.error}"
    if order.status is OrderStatus.UNKNOWN:
        return (
            "the broker's answer is lost; it is not sent again, and syncs look for it in its book"
        )
    if order.status in _NOT_PLACED and not found.told:
        short = "" if order.shortfall is None else f"; {format_price(order.shortfall)} are missing"
        return f"{order.failure_reason or order.broker.message}{short}"
    return "the broker's book does not have it so" if _NOT_DONE & {*found.told} else ""
