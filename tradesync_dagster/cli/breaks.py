"""``tradesync breaks``: where the books differ from the brokers' own figures.

What belongs here: listing breaks and saying what people know of them. What does not: finding them
(``sync.reconciling``).
"""

from typing import Annotated

import typer

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.cli.arguments import AccountKey, OneAccount
from tradesync_dagster.cli.screen import AsJson, Group, show
from tradesync_dagster.domain.breaks import BreakState
from tradesync_dagster.sync.documents import span
from tradesync_dagster.sync.explaining import Word

commands = typer.Typer(
    cls=Group, no_args_is_help=True, help="Where the books differ from the brokers' own figures."
)
_COLUMNS = (
    "account", "kind", "subject", "state", "age", "evidence", "owner", "first_seen_at",
    "last_seen_at", "seen_count", "resolved_at", "note",
)  # fmt: skip
Kind = Annotated[str, typer.Argument(help="As `breaks list` shows it.")]
Subject = Annotated[str, typer.Argument(help="As `breaks list` shows it.")]
Who = Annotated[str, typer.Option(help="Who says so; owns the break from then on.")]
Note = Annotated[str, typer.Option(help="What it is.")]


@commands.command("list")
def listed(
    account: OneAccount = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Suspected and resolved ones too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List breaks, oldest first."""
    rows = open_services().breaks(account, everything=everything)
    if not as_json:
        rows = [
            row | {"evidence": _words(row["evidence"]), "age": span(row["age_seconds"])}
            for row in rows
        ]
    show(rows, as_json=as_json, title="Breaks", columns=_COLUMNS)


@commands.command("explain")
def explain(account: AccountKey, kind: Kind, subject: Subject, *, who: Who, note: Note) -> None:
    """Say what a break is; it stays listed until it is gone, and opens again if it changes."""
    _say(account, kind, subject, Word(BreakState.EXPLAINED, who, note))


@commands.command("accept")
def accept(account: AccountKey, kind: Kind, subject: Subject, *, who: Who, note: Note) -> None:
    """Accept a break as it is; it opens again if it changes."""
    _say(account, kind, subject, Word(BreakState.ACCEPTED, who, note))


@commands.command("reopen")
def reopen(account: AccountKey, kind: Kind, subject: Subject, *, who: Who, note: Note = "") -> None:
    """Open a break again."""
    _say(account, kind, subject, Word(BreakState.OPEN, who, note))


def _words(value: object) -> str:
    """Write evidence, which is JSON, as people write it."""
    if isinstance(value, dict):
        return "; ".join(f"{name.replace('_', ' ')}: {_words(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(_words(one) for one in value)
    return "" if value is None else str(value)


def _say(account: str, kind: str, subject: str, word: Word) -> None:
    open_services().explain(account, kind, subject, word)
    typer.echo(f"{account}: {kind} {subject} is {word.state}")
