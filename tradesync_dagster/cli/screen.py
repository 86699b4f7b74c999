"""What the commands print: tables for people, JSON for programs, sentences for errors.

What belongs here: the one form that every table, JSON document and error has. What does not: which
rows a command shows.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from tradesync_dagster.domain.errors import TradesyncError

_PIPE_WIDTH = 200
_COLOURS = {
    "ok": "green", "success": "green", "wrong": "red", "failed": "red", "off": "dim",
    "partial_success": "yellow", "warning": "yellow", "FAILED": "red", "REJECTED": "red",
}  # fmt: skip

Row = Mapping[str, Any]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON with stable keys.")]


def console() -> Console:
    """Open standard output; wide where nobody has set a width, so that pipes lose no column."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=_PIPE_WIDTH)


def clean(value: object) -> str:
    """Write a value as one printable line: brokers' words may hold anything."""
    text = "" if value is None else str(value)
    return "".join(char if char.isprintable() else " " for char in text)


def print_json(document: object) -> None:
    """Print a document as JSON."""
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def table(title: str, columns: Sequence[str], rows: Sequence[Row]) -> Table:
    """Draw rows as a table.

    Args:
        title: What stands above it.
        columns: The keys to show, in order; numbers are set to the right.
        rows: The rows.

    Returns:
        The table, to be printed.
    """
    drawn = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        numeric = bool(rows) and all(_is_number(row.get(column)) for row in rows)
        drawn.add_column(
            column.replace("_", " "), justify="right" if numeric else "left", no_wrap=numeric
        )
    for row in rows:
        drawn.add_row(*(_cell(row.get(column)) for column in columns))
    return drawn


def show(rows: Sequence[Row], *, as_json: bool, title: str, columns: Sequence[str]) -> None:
    """Print rows: all keys as JSON, or the chosen columns as a table.

    Args:
        rows: The rows.
        as_json: Whether JSON is wanted.
        title: The table's title.
        columns: The table's columns.
    """
    if as_json:
        print_json([{str(key): value for key, value in row.items()} for row in rows])
    elif rows:
        console().print(table(title, columns, rows))
    else:
        typer.echo(f"{title}: none")


def warn(sentence: str) -> None:
    """Say something on standard error."""
    typer.echo(f"tradesync: {clean(sentence)}", err=True)


class Group(TyperGroup):
    """Commands whose expected errors end in one sentence and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command, turning what tradesync raises on purpose into words."""
        try:
            return super().invoke(ctx)
        except TradesyncError as error:
            warn(str(error))
            raise typer.Exit(1) from None


def _cell(value: object) -> Text:
    text = clean(value)
    return Text(text, style=_COLOURS.get(text, ""))


def _is_number(value: object) -> bool:
    if value is None or isinstance(value, int):
        return True
    return isinstance(value, str) and value.lstrip("-").replace(".", "", 1).isdigit()
