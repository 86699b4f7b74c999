"""Commands that show the books: orders, external orders, positions, holdings.

What belongs here: which columns people see. What does not: the queries (``bootstrap``).
"""

from typing import Annotated

import typer

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.cli.screen import AsJson, show

Key = Annotated[str | None, typer.Argument(metavar="[ORG/ACCOUNT]", help="One account only.")]
Days = Annotated[int, typer.Option(min=1, max=3660, help="How many days back, today included.")]

_ORDER = (
    "account", "broker_order_id", "origin", "status", "symbol", "product", "side", "quantity",
    "filled_quantity", "average_price", "placed_at", "message",
)  # fmt: skip
_POSITION = (
    "account", "exchange", "symbol", "product", "quantity", "average_price", "last_price",
    "realised_pnl", "unrealised_pnl",
)  # fmt: skip
_HOLDING = (
    "account", "exchange", "symbol", "quantity", "t1_quantity", "average_price", "last_price",
    "unrealised_pnl",
)  # fmt: skip


def orders(account: Key = None, *, days: Days = 1, as_json: AsJson = False) -> None:
    """Show orders, ours and external ones."""
    rows = open_services().orders(account, days=days)
    show(rows, as_json=as_json, title="Orders", columns=_ORDER)


def external(account: Key = None, *, days: Days = 1, as_json: AsJson = False) -> None:
    """Show orders that did not come from us."""
    rows = open_services().external_orders(account, days=days)
    show(rows, as_json=as_json, title="External orders", columns=_ORDER)


def positions(account: Key = None, *, as_json: AsJson = False) -> None:
    """Show positions as the books have them, by FIFO."""
    rows = open_services().positions(account)
    show(rows, as_json=as_json, title="Positions", columns=_POSITION)


def holdings(account: Key = None, *, as_json: AsJson = False) -> None:
    """Show holdings."""
    rows = open_services().holdings(account)
    show(rows, as_json=as_json, title="Holdings", columns=_HOLDING)
