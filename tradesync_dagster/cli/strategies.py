"""``tradesync strategies``, ``claims`` and ``attribution``: whose external orders are, and why.

What belongs here: commands and columns. What does not: the rules (``domain.attribution``), giving
an order away by hand (``assigning``).
"""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from tradesync_dagster.bootstrap import Services, open_services
from tradesync_dagster.cli.arguments import ORDER_NAME, Days, OneAccount
from tradesync_dagster.cli.screen import AsJson, Group, print_json, show
from tradesync_dagster.domain.attribution import VERSIONS, AttributionRules
from tradesync_dagster.domain.errors import ConfigurationError

strategies = typer.Typer(cls=Group, no_args_is_help=True, help="Who can own orders.")
claims = typer.Typer(
    cls=Group, no_args_is_help=True, help="Which instruments are said to be a strategy's."
)
attribution = typer.Typer(
    cls=Group, no_args_is_help=True, help="How external orders found their owners."
)

_STRATEGY = ("organization_id", "strategy_id", "name", "automatic", "created_at")
_CLAIM = (
    "claim_id", "organization_id", "account", "strategy_id", "exchange", "symbol", "who",
    "created_at",
)  # fmt: skip
_CANDIDATE = (
    "strategy_id", "score", "tag", "claim", "position", "activity", "product", "time", "size",
    "lacks_quantity",
)  # fmt: skip
_HISTORY = (
    "at", "kind", "owner", "parts", "owner_before", "parts_before", "who", "why", "assignment_id",
)  # fmt: skip
_TRIED = (
    "account", "order_id", "symbol", "side", "quantity", "owner", "decided", "decided_score",
    "would_be", "would_score", "would_reason",
)  # fmt: skip
_Organization = Annotated[str, typer.Argument(metavar="ORG")]
_Optional = Annotated[str | None, typer.Argument(metavar="[ORG]", help="One organization only.")]
_OrderId = Annotated[str, typer.Argument(metavar="ORDER_ID", help=ORDER_NAME)]
_Whose = Annotated[
    str | None, typer.Option("--account", metavar="ORG/ACCOUNT", help="Whose order it is.")
]
_OnDay = Annotated[
    datetime | None,
    typer.Option(
        "--date",
        formats=["%Y-%m-%d"],
        metavar="YYYY-MM-DD",
        help="The order's trading day: a broker's ids may come back on other days.",
    ),
]
_StrategyId = Annotated[str, typer.Argument(metavar="STRATEGY", help="Its id, as tags have it.")]


@strategies.command("list")
def list_strategies(organization: _Optional = None, *, as_json: AsJson = False) -> None:
    """List strategies."""
    rows = open_services().strategies(organization)
    show(rows, as_json=as_json, title="Strategies", columns=_STRATEGY)


@strategies.command("add")
def add_strategy(
    organization: _Organization,
    strategy_id: _StrategyId,
    *,
    name: Annotated[str, typer.Option(help="For people; tags may begin with it too.")] = "",
) -> None:
    """Make a strategy known; one that is known already stays as it is."""
    open_services().add_strategy(organization, strategy_id, name)
    typer.echo(f"{organization}: {strategy_id} is known")


@claims.command("list")
def list_claims(organization: _Optional = None, *, as_json: AsJson = False) -> None:
    """List claims; one without an account is for all of the organization's."""
    rows = open_services().claims(organization)
    show(rows, as_json=as_json, title="Claims", columns=_CLAIM)


@claims.command("add")
def add_claim(
    where: Annotated[str, typer.Argument(metavar="ORG|ORG/ACCOUNT")],
    strategy_id: _StrategyId,
    instrument: Annotated[str, typer.Argument(metavar="EXCHANGE:SYMBOL")],
    *,
    who: Annotated[str, typer.Option(help="Who says so.")],
) -> None:
    """Say that an instrument is a strategy's, in one account or in all; orders to come follow."""
    claim_id = open_services().add_claim(where, strategy_id, instrument, who)
    typer.echo(f"{claim_id}: {instrument} in {where} is {strategy_id}'s")


@claims.command("remove")
def remove_claim(
    claim_id: Annotated[UUID, typer.Argument(help="As `claims list` shows it.")],
) -> None:
    """Take a claim back; orders that it has given away stay where they are."""
    open_services().remove_claim(claim_id)
    typer.echo(f"{claim_id}: removed")


@attribution.command("show")
def show_decisions(
    order_id: _OrderId,
    *,
    account: _Whose = None,
    date: _OnDay = None,
    as_json: AsJson = False,
) -> None:
    """Show who could own an external order, with every part of the scores."""
    services = open_services()
    rows = services.attribution(_named(services, order_id, account, date), account)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        if row["candidates"]:
            show(row["candidates"], as_json=False, title=_decision(row), columns=_CANDIDATE)
        else:
            typer.echo(f"{_decision(row)}. Nothing spoke for any strategy.")


@attribution.command("history")
def show_history(
    order_id: _OrderId,
    *,
    account: _Whose = None,
    date: _OnDay = None,
    as_json: AsJson = False,
) -> None:
    """Show how an order came to its owners, newest first: who changed them, when and why."""
    services = open_services()
    rows = services.assignments(_named(services, order_id, account, date), account)
    show(rows, as_json=as_json, title=f"Owners of {order_id}", columns=_HISTORY)


@attribution.command("try")
def try_rules(
    account: OneAccount = None,
    *,
    version: Annotated[
        str | None,
        typer.Option(help=f"Rules by name: {', '.join(VERSIONS)}; as set when not given."),
    ] = None,
    threshold: Annotated[
        int | None, typer.Option(min=1, max=100, help="Least score; as set when not given.")
    ] = None,
    margin: Annotated[
        int | None, typer.Option(min=0, max=100, help="Nearest that a second may come.")
    ] = None,
    weight: Annotated[
        list[str] | None, typer.Option(metavar="PART=POINTS", help="May be given several times.")
    ] = None,
    days: Days = 30,
    as_json: AsJson = False,
) -> None:
    """Decide past external orders by other rules, and show what would change; writes nothing."""
    services = open_services()
    now = services.attribution_rules()
    least = now.threshold if threshold is None else threshold
    rules = _rules(now.version if version is None else version, least, weight or [])
    rules = rules if margin is None else replace(rules, margin=margin)
    count, rows = services.try_attribution(rules, account, days)
    title = f"{len(rows)} of {count} order(s) would have another owner"
    show(rows, as_json=as_json, title=title, columns=_TRIED)


def _named(services: Services, order_id: str, account: str | None, day: datetime | None) -> UUID:
    (found,) = services.orders_named(account, [order_id], day and day.date())
    return found


def _rules(version: str, threshold: int, weights: list[str]) -> AttributionRules:
    if version not in VERSIONS:
        raise ConfigurationError(
            f"there are no rules {version!r}; there are: {', '.join(VERSIONS)}"
        )
    changes = {}
    for text in weights:
        name, _, points = text.partition("=")
        if not points.isdecimal():
            raise ConfigurationError(f"{text!r} is no PART=POINTS, such as position=60")
        changes[name] = int(points)
    return replace(VERSIONS[version], threshold=threshold).weighing(changes)


def _decision(row: dict[str, Any]) -> str:
    owner = row["strategy_id"] or "nobody"
    why = f"{row['reason']}, {row['score']} of {row['threshold']} points"
    after = f", then {row['runner_up']}" if row["runner_up"] else ""
    changed = "" if row["owner"] == row["strategy_id"] else f"; now {row['owner'] or 'nobody'}"
    order = f"{row['side']} {row['wanted']} {row['exchange']}:{row['symbol']}"
    return f"{order}: {owner} ({why}{after}) by rules {row['version']}{changed}"
