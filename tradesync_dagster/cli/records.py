"""``tradesync records`` and ``tradesync fills``: what people record, and fills that were wrong.

What belongs here: arguments and what is printed. What does not: reading the files
(``brokers.record_files``), what becomes of the records (``sync``).
"""

from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.brokers.record_files import RecordFile
from tradesync_dagster.cli.arguments import AccountKey, Days
from tradesync_dagster.cli.screen import AsJson, Group, console, print_json, show, table, warn
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.money import parse_price, parse_quantity
from tradesync_dagster.sync import correcting
from tradesync_dagster.sync.correcting import Statement
from tradesync_dagster.sync.recording_facts import RecordsResult, import_records

records = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="Corporate actions, settlements, conversions and closing prices (docs/records.md).",
)
fills = typer.Typer(
    cls=Group, no_args_is_help=True, help="Single fills, and correcting those that were wrong."
)

_COUNTS = ("changed", "known", "repeated", "rejected")
_FILL = (
    "trade_date", "fill_id", "symbol", "product", "side", "quantity", "price", "filled_at",
    "source", "annulled_at",
)  # fmt: skip
_CORRECTION = ("trade_date", "fill_id", "what", "reason", "who", "corrected_at")


class Kind(StrEnum):
    """The kinds of record files."""

    ACTIONS = "actions"
    SETTLEMENTS = "settlements"
    CONVERSIONS = "conversions"
    PRICES = "prices"


Day = Annotated[datetime, typer.Argument(metavar="TRADE_DATE", formats=["%Y-%m-%d"])]
FillId = Annotated[str, typer.Argument(metavar="FILL_ID", help="As `fills list` shows it.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; kept as evidence.")]
Who = Annotated[str, typer.Option(metavar="NAME", help="Who says so; kept as evidence.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a header.")]
Owner = Annotated[
    str | None, typer.Option("--account", metavar="ORG/ACCOUNT", help="Whose conversions they are.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Take nothing if the file has a bad row.")]


@records.command("import")
def import_file(
    kind: Kind,
    file: File,
    *,
    account: Owner = None,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Take a file's records into the books, and make the books concerned anew.

    Good rows go in and bad ones are listed; what is known already changes nothing. Exit code 1
    when the file could not be read, or had a bad row under --strict.
    """
    _take(RecordFile(file, kind.value), account, strict=strict, as_json=as_json)


@records.command("withdraw")
def withdraw(
    kind: Kind,
    file: File,
    *,
    account: Owner = None,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Take a file's records out of the books again, and make the books concerned anew.

    A record that the books have otherwise stays.
    """
    found = RecordFile(file, kind.value)
    _take(found, account, strict=strict, as_json=as_json, out=True)


def _take(
    found: RecordFile, account: str | None, *, strict: bool, as_json: bool, out: bool = False
) -> None:
    services = open_services()
    chosen = services.chosen(account)[0] if account is not None else None
    now = services.clock.now()
    result = import_records(services.store, found, chosen, now=now, strict=strict, withdraw=out)
    done = "withdrawn" if out else "imported"
    _report(found.name, result, "refused" if result.refused else done, as_json=as_json)
    if result.refused:
        raise typer.Exit(1)


def _report(name: str, result: RecordsResult, status: str, *, as_json: bool) -> None:
    document: dict[str, Any] = {
        "file": name,
        "kind": result.kind,
        "status": status,
        **{count: getattr(result, count) for count in _COUNTS},
        "rebuilt": [
            {"account": key, "since": day.isoformat()} for key, day in result.rebuilt.items()
        ],
        "rejects": [
            {"line": line, "record": reject.row_id, "reason": reject.reason}
            for line, reject in result.rejects
        ],
    }
    if as_json:
        print_json(document)
    else:
        columns = ("file", "status", *_COUNTS)
        console().print(table(f"Records: {result.kind}", columns, [document]))
        if result.rebuilt:
            console().print(table("Made anew", ("account", "since"), document["rebuilt"]))
        if result.rejects:
            console().print(table("Bad rows", ("line", "record", "reason"), document["rejects"]))
    hidden = result.rejected - len(result.rejects)
    if hidden:
        warn(f"{name}: {hidden} more bad row(s) are not listed")
    if result.refused:
        warn(f"{name}: {result.rejected} bad row(s), so that nothing was taken (--strict)")


@fills.command("list")
def listed(account: AccountKey, *, days: Days = 1, as_json: AsJson = False) -> None:
    """Show an account's fills, newest first, annulled ones too."""
    services = open_services()
    (chosen,) = services.chosen(account)
    since = trade_date_of(services.clock.now()) - timedelta(days=days - 1)
    rows = correcting.fill_documents(services.store, chosen, since)
    show(rows, as_json=as_json, title=f"Fills of {account}", columns=_FILL)


@fills.command("correct")
def correct(  # noqa: PLR0913 - one an option
    account: AccountKey,
    trade_date: Day,
    fill_id: FillId,
    *,
    quantity: Annotated[str | None, typer.Option(metavar="N", help="What was traded.")] = None,
    price: Annotated[str | None, typer.Option(metavar="P", help="In rupees, exactly.")] = None,
    product: Annotated[str | None, typer.Option(help="CNC, MIS, NRML or MTF.")] = None,
    reason: Reason,
    who: Who,
) -> None:
    """Change what a fill says, and make its day and all later ones anew.

    One that was annulled counts again, which needs no other change.
    """
    changes: dict[str, Any] = {}
    if quantity is not None:
        changes["quantity"] = parse_quantity(quantity)
    if price is not None:
        changes["price"] = parse_price(price)
    if product is not None:
        changes["product"] = product.upper()
    services, statement = open_services(), Statement(trade_date.date(), fill_id, reason, who)
    (chosen,) = services.chosen(account)
    now = services.clock.now()
    done = correcting.correct_fill(services.store, chosen, statement, changes, now)
    _say(statement, "is corrected" if done else "says so already; nothing was changed")


@fills.command("annul")
def annul(
    account: AccountKey, trade_date: Day, fill_id: FillId, *, reason: Reason, who: Who
) -> None:
    """Make a fill count for nothing; it stays as evidence, and `fills correct` brings it back."""
    services, statement = open_services(), Statement(trade_date.date(), fill_id, reason, who)
    (chosen,) = services.chosen(account)
    done = correcting.annul_fill(services.store, chosen, statement, services.clock.now())
    _say(statement, "is annulled" if done else "was annulled already; nothing was changed")


@fills.command("corrections")
def corrections(account: AccountKey, *, as_json: AsJson = False) -> None:
    """Show which of an account's fills were corrected or annulled, by whom and why."""
    services = open_services()
    (chosen,) = services.chosen(account)
    rows = correcting.correction_documents(services.store, chosen)
    if not as_json:
        rows = [row | {"what": _what(row["before"], row["after"])} for row in rows]
    show(rows, as_json=as_json, title=f"Corrections in {account}", columns=_CORRECTION)


def _what(before: dict[str, Any], after: dict[str, Any] | None) -> str:
    if after is None:
        return "annulled"
    changed = [name for name in after if after[name] != before[name] and name != "annulled_at"]
    words = [f"{name} {before[name]} -> {after[name]}" for name in changed]
    return "; ".join([*(["counts again"] if before["annulled_at"] else []), *words])


def _say(statement: Statement, what: str) -> None:
    typer.echo(f"Fill {statement.fill_id} of {statement.trade_date} {what}.")
