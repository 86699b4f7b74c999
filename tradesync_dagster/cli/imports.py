"""``tradesync import-tradebook``: past trades from files that brokers let people download.

What belongs here: arguments, the progress bar, what is printed. What does not: reading the files
(``brokers.tradebooks``), what becomes of the fills (``sync.importing``).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.cli.screen import AsJson, clean, console, print_json, table, warn
from tradesync_dagster.domain.errors import FileRefusedError
from tradesync_dagster.sync.importing import ImportResult

_COUNTS = ("added", "known", "repeated", "differing", "rejected")
_SHOWN = ("file", "status", *_COUNTS, "first_trade_date", "last_trade_date")
_BAD = ("file", "line", "trade_id", "reason")

Outcome = dict[str, Any]


def import_tradebook(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Zerodha Console's tradebook (CSV), or Upstox's trade history (JSON).",
        ),
    ],
    *,
    account: Annotated[
        str, typer.Option(metavar="ORG/ACCOUNT", help="The account the files came from.")
    ],
    strict: Annotated[
        bool, typer.Option("--strict", help="Take nothing from a file that has a bad row.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take past trades into an account's books; what is known already is not added again.

    Good rows go in and bad ones are listed. A long file goes in by portions, so that syncs go on
    meanwhile; should the command be killed, give the file again. Exit code 1 when a file could not
    be read, or had a bad row under --strict.
    """
    services = open_services()
    outcomes = []
    for path in files:
        with _bar(path, passes=2 if strict else 1) as progress:
            try:
                result = services.import_tradebook(path, account, strict=strict, progress=progress)
                outcomes.append(_outcome(path, result))
            except FileRefusedError as error:
                outcomes.append(_unreadable(path, account, error))
    _report(account, outcomes, as_json=as_json)
    if any(outcome["status"] != "imported" for outcome in outcomes):
        raise typer.Exit(1)


@contextmanager
def _bar(path: Path, passes: int) -> Iterator[Callable[[int], None]]:
    """Show the bytes read on a terminal's standard error; nothing stays of it."""
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    screen = Console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        total = passes * path.stat().st_size if path.is_file() else None
        name = clean(path.name)
        task = bar.add_task(name, total=total)

        def show(read: int) -> None:
            done = total is not None and read >= total
            what = f"{name}: keeping the books" if done else name
            bar.update(task, completed=read, description=what)

        yield show


def _outcome(path: Path, result: ImportResult) -> Outcome:
    first, last = result.first_trade_date, result.last_trade_date
    refused = f"{path.name}: {result.rejected} bad row(s), so that nothing was taken (--strict)"
    return {
        "file": path.name,
        "status": "refused" if result.refused else "imported",
        **{name: getattr(result, name) for name in _COUNTS},
        "first_trade_date": first.isoformat() if first else None,
        "last_trade_date": last.isoformat() if last else None,
        "error": refused if result.refused else "",
        "notices": list(result.notices),
        "rejects": [
            {"line": line, "trade_id": reject.row_id, "reason": reject.reason}
            for line, reject in result.rejects
        ],
    }


def _unreadable(path: Path, account: str, error: FileRefusedError) -> Outcome:
    return _outcome(path, ImportResult(account)) | {"status": "unreadable", "error": str(error)}


def _report(account: str, outcomes: Sequence[Outcome], *, as_json: bool) -> None:
    if as_json:
        totals = {name: sum(outcome[name] for outcome in outcomes) for name in _COUNTS}
        print_json({"account": account, **totals, "files": outcomes})
    else:
        console().print(table(f"Import into {account}", _SHOWN, outcomes))
        bad = [{"file": each["file"], **row} for each in outcomes for row in each["rejects"]]
        if bad:
            console().print(table("Bad rows", _BAD, bad))
    for outcome in outcomes:
        for sentence in _sentences(outcome):
            warn(sentence)


def _sentences(outcome: Outcome) -> list[str]:
    sentences = [outcome["error"]] if outcome["error"] else []
    sentences += outcome["notices"]
    hidden = outcome["rejected"] - len(outcome["rejects"])
    if hidden:
        sentences.append(f"{outcome['file']}: {hidden} more bad row(s) are not listed")
    if outcome["differing"]:
        sentences.append(
            f"{outcome['file']}: {outcome['differing']} fill(s) are in the books with other "
            "content; those stay as they are, and each difference is kept as a break"
        )
    return sentences
