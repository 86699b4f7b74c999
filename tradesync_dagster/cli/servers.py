"""Commands about what tradesync stands on: the database and the configured servers.

What belongs here: ``db upgrade`` and ``doctor``. What does not: the checks (``bootstrap``).
"""

import typer

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.cli.screen import AsJson, Group, Row, show
from tradesync_dagster.domain.errors import ConfigurationError, NotMigratedError
from tradesync_dagster.settings import Settings, load_settings
from tradesync_dagster.store.engine import migrate, open_engine

database = typer.Typer(cls=Group, no_args_is_help=True, help="The books' database.")


@database.callback()
def _database() -> None:
    """The books' database."""


@database.command("upgrade")
def upgrade() -> None:
    """Bring the books' schema to this version."""
    where = migrate_books(load_settings())
    typer.echo(f"The books at {where} have this version's schema.")


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
