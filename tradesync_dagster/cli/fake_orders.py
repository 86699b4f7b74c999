"""``tradesync fake-orders`` and ``moderation``: virtual energy trades and their scheduler.

What belongs here: commands and columns. What does not: an order's bounds (``domain.fake_orders``),
the decision (``domain.moderation``).
"""

from typing import Annotated, Any
from uuid import UUID

import typer

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.bootstrap.dagster_graphql import Dagster
from tradesync_dagster.bootstrap.moderation import MOST_LISTED
from tradesync_dagster.bootstrap.moderation_control import ModerationControl
from tradesync_dagster.cli.arguments import DAGSTER_URL, DagsterUrl
from tradesync_dagster.cli.screen import AsJson, Group, print_json, show, warn
from tradesync_dagster.domain.fake_orders import FakeOrderStatus, Wanted

fake_orders = typer.Typer(
    cls=Group, no_args_is_help=True, help="Virtual energy trades, moderated at their hour."
)
moderation = typer.Typer(
    cls=Group, no_args_is_help=True, help="The scheduler that moderates fake orders."
)

_ORDER = (
    "order_id", "organization_id", "market", "node", "side", "quantity_mwh", "limit_price",
    "hour_start_utc", "status", "decided_at", "rt_lmp", "reason",
)  # fmt: skip
_POSITION = (
    "order_id", "organization_id", "market", "node", "side", "quantity_mwh", "limit_price",
    "hour_start_utc", "state", "last_lmp", "pnl", "marked_at",
)  # fmt: skip
_STATUS = (
    "running", "thread_alive", "pending_due_now", "upcoming_10_min", "next_due_order",
    "last_check",
)  # fmt: skip
_Organization = Annotated[
    str | None, typer.Argument(metavar="[ORG]", help="One organization only.")
]
_Limit = Annotated[int, typer.Option(min=1, max=MOST_LISTED, help="Most rows.")]


@fake_orders.command("add")
def add(  # noqa: PLR0913 - one an option
    organization: Annotated[str, typer.Argument(metavar="ORG")],
    *,
    market: Annotated[str, typer.Option(help="Such as PJM.")],
    node: Annotated[str, typer.Option(help="Such as WESTERN HUB.")],
    side: Annotated[str, typer.Option(help="BUY or SELL.")],
    mwh: Annotated[str, typer.Option(help="How much, such as 25.5.")],
    price: Annotated[str, typer.Option(help="Limit a MWh; may be negative.")],
    hour: Annotated[str, typer.Option(help="When, such as 2026-03-02T15:00:00Z.")],
    key: Annotated[
        str | None, typer.Option(help="The same key again changes nothing.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take in a fake order; it is moderated at its hour."""
    wanted = Wanted(organization, market, node, side, mwh, price, hour)
    row = open_services().moderation().add(wanted, key)
    if as_json:
        print_json(row)
    else:
        typer.echo(f"{row['order_id']}: {row['status']}, due at {row['hour_start_utc']}")


@fake_orders.command("list")
def listed(
    organization: _Organization = None,
    *,
    status: Annotated[FakeOrderStatus | None, typer.Option(help="Only these.")] = None,
    limit: _Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List fake orders, latest hours first."""
    rows = open_services().moderation().listed(organization, status, limit)
    show(rows, as_json=as_json, title="Fake orders", columns=_ORDER)


@fake_orders.command("positions")
def positions(
    organization: _Organization = None, *, limit: _Limit = 100, as_json: AsJson = False
) -> None:
    """List approved fake orders with their P&L, latest hours first."""
    rows = open_services().moderation().positions(organization, limit)
    show(rows, as_json=as_json, title="Fake positions", columns=_POSITION)


@fake_orders.command("show")
def story(
    order_id: Annotated[UUID, typer.Argument(help="See: tradesync fake-orders list --json")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a fake order with its marks and events."""
    row = open_services().moderation().shown(order_id)
    if as_json:
        print_json(row)
        return
    show([row], as_json=False, title="Fake order", columns=(*_ORDER, "pnl"))
    show(row["marks"], as_json=False, title="Marks", columns=("at", "lmp", "pnl"))
    show(row["events"], as_json=False, title="Events", columns=("at", "kind", "detail"))


@moderation.command("status")
def status(*, dagster_url: DagsterUrl = DAGSTER_URL, as_json: AsJson = False) -> None:
    """Show whether fake orders are moderated by themselves, and what waits."""
    _tell(_control(dagster_url).status(), as_json=as_json)


@moderation.command("start")
def start(*, dagster_url: DagsterUrl = DAGSTER_URL, as_json: AsJson = False) -> None:
    """Switch Dagster's sensor on."""
    control = _control(dagster_url)
    control.start()
    _tell(control.status(), as_json=as_json)


@moderation.command("stop")
def stop(*, dagster_url: DagsterUrl = DAGSTER_URL, as_json: AsJson = False) -> None:
    """Switch Dagster's sensor off; a run that waits ends within seconds."""
    control = _control(dagster_url)
    control.stop()
    _tell(control.status(), as_json=as_json)


@moderation.command("force-run")
def force_run(
    organization: _Organization = None,
    *,
    dagster_url: DagsterUrl = DAGSTER_URL,
    as_json: AsJson = False,
) -> None:
    """Start a run that moderates what is due now."""
    row = _control(dagster_url).force_run(organization)
    if as_json:
        print_json(row)
    else:
        typer.echo(f"run {row['run_id']}: {row['url']}, {row['pending_due_now']} orders due")
        if row["warning"]:
            warn(row["warning"])


def _control(dagster_url: str) -> ModerationControl:
    return ModerationControl(open_services(), Dagster(dagster_url))


def _tell(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(row)
    else:
        show([row], as_json=False, title="Moderation", columns=_STATUS)
