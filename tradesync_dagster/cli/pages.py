"""The API and its pages as ``demo`` and ``run`` start them, and the demo's person.

What belongs here: the command, its port, a password made for the demo. What does not: serving
(``api``), other people (``people``).
"""

import secrets
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.cli.processes import Supervisor, check_free
from tradesync_dagster.cli.simulated import ORGANIZATION
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.people import Role

_SECONDS: Final = 300.0
_PERSON: Final = "demo"
_PASSWORD_BYTES: Final = 12

ApiPort = Annotated[
    int, typer.Option("--api-port", min=1, max=65535, help="Where the pages and the API listen.")
]


def check_ports(ports: dict[str, int]) -> None:
    """Make sure that every port can be listened on, and that no two are the same.

    Args:
        ports: By the option that chooses each.

    Raises:
        ConfigurationError: It says which option to change.
    """
    if len(set(ports.values())) < len(ports):
        raise ConfigurationError(f"{' and '.join(ports)} must differ")
    for option, port in ports.items():
        check_free(port, option)


def start_pages(house: Supervisor, folder: Path, port: int, dagster_port: int) -> None:
    """Start the API, and wait until it answers."""
    serve = [sys.executable, "-m", "tradesync_dagster.cli", "api", "serve"]
    options = [f"--port={port}", f"--dagster-url=http://127.0.0.1:{dagster_port}"]
    house.start("api", [*serve, *options], folder)
    house.wait_for("the API", port, "/health/ready", _SECONDS)


def tell(port: int, services: Services) -> None:
    """Say where the pages are, and how somebody comes to sign in."""
    typer.echo(f"Pages:          http://127.0.0.1:{port}/desk/")
    if not services.desk_people().listed():
        typer.echo("Nobody may sign in yet: tradesync people add NAME --all-organizations ...")


def tell_demo(port: int, services: Services) -> None:
    """Say where the pages are, and the demo person's password, new at each start."""
    people, password = services.desk_people(), secrets.token_urlsafe(_PASSWORD_BYTES)
    if _PERSON in {person.name for person in people.listed()}:
        people.set_password(_PERSON, password)
    else:
        people.add(_PERSON, ORGANIZATION, Role.ADMIN, password)
    typer.echo(f"Pages:              http://127.0.0.1:{port}/desk/")
    typer.echo(f"Sign in as:         {_PERSON}, password {password} (until the next start)")
