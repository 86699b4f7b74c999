"""``tradesync notifications``: who is told of what, following messages, sending what waits.

What belongs here: commands and lines. What does not: the messages (``sync.telling``).
"""

import signal
import threading
from typing import Annotated, Any

import orjson
import typer

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.cli.screen import AsJson, Group, clean, show, warn
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.notifications import Happening
from tradesync_dagster.publish.rabbitmq import Received

commands = typer.Typer(
    cls=Group, no_args_is_help=True, help="Messages about orders and syncs, and who gets them."
)
preferences = typer.Typer(
    cls=Group, no_args_is_help=True, help="Which events of orders each recipient is told."
)
commands.add_typer(preferences, name="preferences")
Organization = Annotated[str, typer.Argument(metavar="ORG")]


@preferences.command("show")
def shown(organization: Organization, *, as_json: AsJson = False) -> None:
    """Show who is told of what; people are the addresses of TRADESYNC_NOTIFY_URLS by number."""
    rows = open_services().notifications().preferences(organization)
    if not as_json:
        rows = [{name: _word(value) for name, value in row.items()} for row in rows]
    columns = ("to", *(one.value for one in Happening))
    show(rows, as_json=as_json, title="Preferences", columns=columns)


@preferences.command("set")
def prefer(
    organization: Organization,
    to: Annotated[str, typer.Argument(metavar="rabbitmq|NUMBER")],
    event: Annotated[str, typer.Argument(metavar="EVENT|all")],
    *,
    wanted: Annotated[bool, typer.Option("--on/--off", help="Whether they are told.")],
    who: Annotated[str, typer.Option(help="Who decides it.")],
) -> None:
    """Say whether a recipient is told of an event, from the next one on."""
    open_services().notifications().prefer(organization, to, event, wanted=wanted, who=who)
    verb = "told" if wanted else "no longer told"
    typer.echo(f"{to} is {verb} of {event.replace('_', ' ')} of {organization}.")


@commands.command("send")
def send() -> None:
    """Send what waits in the outbox now; every sync and every look at open orders does so too."""
    sent, errors = open_services().notifications().send()
    typer.echo(f"{sent} messages sent.")
    for error in errors:
        warn(error)
    if errors:
        raise typer.Exit(1)


@commands.command("follow")
def follow(
    *,
    account: Annotated[str, typer.Option(metavar="ORG/ACCOUNT", help="Of this one only.")] = "",
    queue: Annotated[
        str, typer.Option(help="A durable queue that collects while nobody follows.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Print messages as they come, until Ctrl-C; connects again when RabbitMQ was away."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    organization = account.partition("/")[0]

    def handle(received: Received) -> None:
        document = _document(received)
        if organization and _organization(document) not in ("", organization):
            return
        typer.echo(orjson.dumps(document).decode() if as_json else _line(document))

    def lost(error: ConfigurationError, pause: float) -> None:
        warn(f"{error}; trying again in {pause:g} s")

    open_services().notifications().follow(
        handle, stop=stop, account=account or None, queue=queue, lost=lost
    )


def _document(received: Received) -> dict[str, Any]:
    try:
        found = orjson.loads(received.body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):  # somebody else's; acknowledged, since it would come for ever
        found = {"type": received.routing_key, "message": "a message that is no JSON object"}
    return found


def _organization(document: dict[str, Any]) -> str:
    results = document.get("full_results")
    nested = results.get("organization_id") if isinstance(results, dict) else ""
    return str(document.get("organization_id") or nested or "")


def _line(document: dict[str, Any]) -> str:
    summary = document.get("summary")
    status = summary.get("status", "") if isinstance(summary, dict) else ""
    parts = (document.get("timestamp"), document.get("type"), document.get("account"))
    said = document.get("message") or status
    return clean("  ".join(str(part) for part in (*parts, said) if part))


def _word(value: object) -> object:
    return {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
