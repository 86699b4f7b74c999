"""Commands that show the books: orders, external orders, positions, holdings.

What belongs here: which columns people see. What does not: the queries (``bootstrap``).
"""

from datetime import datetime
from typing import Annotated, Any

import typer

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.cli.arguments import Days, OneAccount
from tradesync_dagster.cli.screen import AsJson, show

AsOf = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="At the end of a past day."),
]

_ORDER = (
    "account", "broker_order_id", "origin", "source", "status", "symbol", "product", "side",
    "quantity", "filled_quantity", "average_price", "placed_at", "message",
)  # fmt: skip
_EXTERNAL = (*_ORDER[:-1], "owner", "message")
_POSITION = (
    "account", "exchange", "symbol", "product", "quantity", "average_price", "last_price",
    "realised_pnl", "unrealised_pnl",
)  # fmt: skip
_HOLDING = (
    "account", "exchange", "symbol", "quantity", "t1_quantity", "average_price", "last_price",
    "unrealised_pnl",
)  # fmt: skip

_METRICS = (
    "account", "strategy_id", "realised_pnl", "unrealised_pnl", "win_rate", "wins", "losses",
    "exposure", "drawdown",
)  # fmt: skip
_REPLAY = ("account", "status", "fills", "differences", "first")


def orders(account: OneAccount = None, *, days: Days = 1, as_json: AsJson = False) -> None:
    """Show orders, ours and external ones."""
    rows = open_services().orders(account, days=days)
    show(rows, as_json=as_json, title="Orders", columns=_ORDER)


def external(account: OneAccount = None, *, days: Days = 1, as_json: AsJson = False) -> None:
    """Show orders that did not come from us."""
    rows = open_services().external_orders(account, days=days)
    if not as_json:
        rows = [row | {"owner": _owner(row)} for row in rows]
    show(rows, as_json=as_json, title="External orders", columns=_EXTERNAL)


def positions(account: OneAccount = None, *, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Show positions as the books have them, by FIFO."""
    rows = open_services().positions(account, as_of.date() if as_of else None)
    show(rows, as_json=as_json, title=_title("Positions", as_of), columns=_POSITION)


def holdings(account: OneAccount = None, *, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Show holdings."""
    rows = open_services().holdings(account, as_of.date() if as_of else None)
    show(rows, as_json=as_json, title=_title("Holdings", as_of), columns=_HOLDING)


def metrics(account: OneAccount = None, *, days: Days = 365, as_json: AsJson = False) -> None:
    """Show how accounts and strategies did."""
    rows = open_services().metrics(account, days)
    show(rows, as_json=as_json, title=f"The last {days} days", columns=_METRICS)


def replay(account: OneAccount = None, *, as_json: AsJson = False) -> None:
    """Keep the books once more from the first fill, and compare with what is stored.

    Exit code 1 when they differ.
    """
    found = open_services().replay(None if account is None else [account])
    rows = [
        {
            "account": key,
            "status": "wrong" if one.count and not one.stale else "stale" if one.stale else "ok",
            "fills": one.fills,
            "differences": one.count,
            "first": one.differences[0] if one.differences else "",
        }
        for key, one in found.items()
    ]
    show(rows, as_json=as_json, title="Replay", columns=_REPLAY)
    if any(row["status"] == "wrong" for row in rows):
        raise typer.Exit(1)


def _owner(row: dict[str, Any]) -> str:
    parts = [f"{one['strategy_id']}={one['quantity']}" for one in row["parts"]]
    return ", ".join(filter(None, (*parts, row["strategy_id"])))


def _title(name: str, as_of: datetime | None) -> str:
    return f"{name} at the end of {as_of.date()}" if as_of else name
