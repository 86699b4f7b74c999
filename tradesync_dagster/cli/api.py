"""``tradesync api``: serving the HTTP API, and the keys that open it.

What belongs here: options, and printing a key's token this once. What does not: routes (``api``).
"""

from importlib import import_module
from typing import Annotated, Any

import typer

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.cli.arguments import DAGSTER_URL, DagsterUrl
from tradesync_dagster.cli.screen import AsJson, Group, print_json, show
from tradesync_dagster.domain.api_keys import ApiKey
from tradesync_dagster.domain.people import Role

_SERVER = "tradesync_dagster.api.server"
"""By name, as Dagster is started too: the faces do not know one another."""
_COLUMNS = ("key_id", "organization_id", "name", "role", "created_at", "revoked_at")

commands = typer.Typer(cls=Group, no_args_is_help=True, help="The HTTP API and its keys.")
keys = typer.Typer(cls=Group, no_args_is_help=True, help="Keys that open the HTTP API.")
commands.add_typer(keys, name="keys")


@commands.command("serve")
def serve(
    *,
    host: Annotated[
        str, typer.Option(help="The address to listen on; it is plain HTTP.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8004,
    dagster_url: DagsterUrl = DAGSTER_URL,
) -> None:
    """Serve the HTTP API until it is interrupted."""
    import_module(_SERVER).serve(host, port, dagster_url)


@keys.command("add")
def add(
    *,
    organization: Annotated[str, typer.Option(help="The one organization that it opens.")],
    name: Annotated[str, typer.Option(help="Who uses it; stands in the audit trail.")],
    role: Annotated[Role, typer.Option(help="What it may do, as people's roles.")] = Role.OPERATOR,
    as_json: AsJson = False,
) -> None:
    """Make a key, and print its token, which is not kept, this once."""
    key, token = open_services().keys().add(organization, name, role)
    if as_json:
        print_json(_row(key) | {"token": token})
    else:
        typer.echo(
            f"Key {key.key_id} opens {key.organization_id} as {key.role.value}. Its token, shown "
            "this once:"
        )
        typer.echo(token)


@keys.command("list")
def listed(*, as_json: AsJson = False) -> None:
    """List keys, revoked ones too."""
    rows = [_row(key) for key in open_services().keys().listed()]
    show(rows, as_json=as_json, title="Keys", columns=_COLUMNS)


@keys.command("revoke")
def revoke(key_id: Annotated[str, typer.Argument(metavar="KEY_ID")]) -> None:
    """Close a key for good; it opens nothing from the next request on."""
    open_services().keys().revoke(key_id)
    typer.echo(f"Key {key_id} is revoked.")


def _row(key: ApiKey) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "organization_id": key.organization_id,
        "name": key.name,
        "role": key.role.value,
        "created_at": key.created_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }
