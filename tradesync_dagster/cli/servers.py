"""Commands about what tradesync stands on: the database and the configured servers.

What belongs here: ``db`` and ``doctor``. What does not: the checks and copies (``bootstrap``).
"""

from pathlib import Path
from typing import Annotated

import typer

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.bootstrap.backups import back_up, restore
from tradesync_dagster.cli.screen import AsJson, Group, Row, show
from tradesync_dagster.domain.errors import ConfigurationError, NotMigratedError
from tradesync_dagster.settings import Settings, load_settings
from tradesync_dagster.store.engine import downgrade, migrate, open_engine

database = typer.Typer(cls=Group, no_args_is_help=True, help="The books' database.")


@database.callback()
def _database() -> None:
    """The books' database."""


@database.command("upgrade")
def upgrade() -> None:
    """Bring the books' schema to this version."""
    where = migrate_books(load_settings())
    typer.echo(f"The books at {where} have this version's schema.")


@database.command("downgrade")
def take_back(
    revision: Annotated[str, typer.Argument(help="The older version's, such as 0013.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take the books' schema back for an older version; what only newer ones hold is lost."""
    if not yes:
        typer.confirm("What only newer versions keep is deleted. Is there a backup?", abort=True)
    engine = open_engine(load_settings().books_url)
    try:
        downgrade(engine, revision)
    finally:
        engine.dispose()
    typer.echo(f"The books have schema {revision}; start the version that it belongs to.")


@database.command("backup")
def backup(file: Annotated[Path, typer.Argument(help="A new file.")]) -> None:
    """Copy the books while everything runs; keys and Dagster's history are not in the copy."""
    back_up(load_settings(), file)
    typer.echo(
        f"The books are in {file}. Keep the keys that open their credentials too, elsewhere."
    )


@database.command("restore")
def lay(file: Annotated[Path, typer.Argument(help="Made by: tradesync db backup.")]) -> None:
    """Lay the books from a backup, into an empty database."""
    restore(load_settings(), file)
    typer.echo("The books are as they were. Read docs/deployment.md before syncs start again.")


def migrate_books(settings: Settings) -> str:
    """Bring the books' schema to this version.

    Args:
        settings: Names the database.

    Returns:
        The database's URL without its password.
    """
    engine = open_engine(settings.books_url)
    try:
        migrate(engine)
    finally:
        engine.dispose()
    return engine.url.render_as_string(hide_password=True)


def doctor(*, as_json: AsJson = False) -> None:
    """Check settings, database and every configured server; exit code 1 when one is wrong."""
    rows = _findings()
    show(rows, as_json=as_json, title="Doctor", columns=("name", "state", "detail"))
    if any(row["state"] == "wrong" for row in rows):
        raise typer.Exit(1)


def _findings() -> list[Row]:
    try:
        return list(open_services().doctor())
    except NotMigratedError as error:
        return [{"name": "database", "state": "wrong", "detail": str(error)}]
    except ConfigurationError as error:
        return [{"name": "settings", "state": "wrong", "detail": str(error)}]
