"""``tradesync pending``: moving ``pending_orders.json`` into the books, and back.

What belongs here: commands and what they print. What does not: files and rows
(``bootstrap.pending``).
"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.cli.screen import AsJson, Group, print_json, warn

commands = typer.Typer(
    cls=Group, no_args_is_help=True, help="Orders that an older system kept in pending_orders.json."
)
Account = Annotated[str, typer.Option(metavar="ORG/ACCOUNT", help="Of rows that name none.")]
File = Annotated[Path, typer.Argument(metavar="FILE")]


@commands.command("import")
def take_in(
    file: File,
    *,
    account: Account = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report only.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take the file's orders into the books; it is copied beside itself first.

    Again changes nothing. Exit code 1 where rows were refused; the others are taken.
    """
    report = open_services().pending_file().take_in(file, account, dry_run=dry_run)
    if as_json:
        print_json(asdict(report))
    else:
        verb = "would be new" if dry_run else "new"
        typer.echo(
            f"{report.new} {verb}, {report.known} known already, {len(report.ended)} ended, "
            f"{len(report.refused)} refused."
        )
        if report.backup:
            typer.echo(f"Copy of the file: {report.backup}")
        for sentence in (*report.ended, *report.refused):
            warn(sentence)
    if report.refused:
        raise typer.Exit(1)


@commands.command("export")
def write(file: File) -> None:
    """Write the file anew from the books, for going back to what reads it."""
    count = open_services().pending_file().write(file)
    typer.echo(f"{file}: {count} orders.")


@commands.command("check")
def check(file: File, *, account: Account = "") -> None:
    """Compare the file with the books; exit code 1 where they differ."""
    found = open_services().pending_file().compare(file, account)
    for sentence in found:
        warn(sentence)
    if found:
        raise typer.Exit(1)
    typer.echo(f"{file} and the books agree.")
