"""``tradesync people``: who may sign in to the pages.

What belongs here: options, asking for passwords unseen. What does not: rules of names and passwords
(``domain.people``), the pages (``api``).
"""

import sys
from typing import Annotated, Any

import typer

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.cli.screen import AsJson, Group, show
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.people import ALL_ORGANIZATIONS, Person, Role

_COLUMNS = ("name", "organization_id", "role", "created_at", "disabled_at")
_LONGEST_LINE = 4096

commands = typer.Typer(cls=Group, no_args_is_help=True, help="People who sign in to the pages.")
Name = Annotated[str, typer.Argument(metavar="NAME")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


@commands.command("add")
def add(
    name: Name,
    *,
    organization: Annotated[str, typer.Option(help="The one organization that they see.")] = "",
    all_organizations: Annotated[
        bool, typer.Option("--all-organizations", help="They see every organization.")
    ] = False,
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.VIEWER,
    password_stdin: FromStdin = False,
) -> None:
    """Let a person sign in; the password is asked for, unseen."""
    if all_organizations == bool(organization):
        raise ConfigurationError("say which they see: --organization NAME or --all-organizations")
    people = open_services().desk_people()
    password = _password(from_stdin=password_stdin)
    people.add(name, organization or ALL_ORGANIZATIONS, role, password)
    typer.echo(f"{name} may sign in as {role.value} of {organization or 'all organizations'}.")


@commands.command("list")
def listed(*, as_json: AsJson = False) -> None:
    """List people, disabled ones too."""
    rows = [_row(person) for person in open_services().desk_people().listed()]
    show(rows, as_json=as_json, title="People", columns=_COLUMNS)


@commands.command("role")
def role(name: Name, role: Annotated[Role, typer.Argument(metavar="ROLE")]) -> None:
    """Change what a person may do: viewer, operator or admin; from their next request on."""
    open_services().desk_people().set_role(name, role)
    typer.echo(f"{name} is {role.value} now.")


@commands.command("disable")
def disable(name: Name) -> None:
    """Let a person sign in no more; their sessions end at once."""
    open_services().desk_people().set_enabled(name, enabled=False)
    typer.echo(f"{name} may not sign in any more.")


@commands.command("enable")
def enable(name: Name) -> None:
    """Let a person sign in again."""
    open_services().desk_people().set_enabled(name, enabled=True)
    typer.echo(f"{name} may sign in again.")


@commands.command("password")
def password(name: Name, *, password_stdin: FromStdin = False) -> None:
    """Give a person a new password; their sessions end at once."""
    people = open_services().desk_people()
    people.set_password(name, _password(from_stdin=password_stdin))
    typer.echo(f"{name} has a new password.")


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline(_LONGEST_LINE).rstrip("\r\n")
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return typed


def _row(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "organization_id": person.organization_id or "(all)",
        "role": person.role.value,
        "created_at": person.created_at.isoformat(),
        "disabled_at": person.disabled_at.isoformat() if person.disabled_at else None,
    }
