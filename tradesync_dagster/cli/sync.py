"""``tradesync sync``: one pass without Dagster.

What belongs here: a pass's summary as a table and as JSON. What does not: the pass itself
(``sync``).
"""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.cli.screen import AsJson, console, print_json, table, warn
from tradesync_dagster.domain.money import format_price
from tradesync_dagster.domain.results import FAILED, SUCCESS, AccountResult, TickSummary

_COUNTS = (
    "orders", "external_orders", "new_external_orders", "candidates", "fills", "positions",
    "holdings", "rejects",
)  # fmt: skip
_TICK = (
    "started_at", "accounts", "orders", "external_orders", "new_external_orders", "positions",
    "errors", "seconds",
)  # fmt: skip
_SHOWN = (
    "account", "status", "orders", "external_orders", "new_external_orders", "candidates",
    "positions", "holdings", "realised_pnl", "unrealised_pnl", "errors",
)  # fmt: skip
_MOST_ROWS = 40


def sync(
    account: Annotated[
        list[str] | None,
        typer.Option(metavar="ORG/ACCOUNT", help="This account only; may be given again."),
    ] = None,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Rebuild also where nothing has changed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring accounts up to date once, without Dagster; exit code 1 when every account failed."""
    summary = open_services().sync(account or None, force=force)
    if as_json:
        print_json(_document(summary))
    else:
        _print(summary)
    for sentence in sentences(summary):
        warn(sentence)
    if summary.status == FAILED:
        raise typer.Exit(1)


def _document(summary: TickSummary) -> dict[str, Any]:
    """Write a summary as JSON's values: the totals, and an entry an account under ``results``."""
    return {
        **tick_row(summary),
        "status": summary.status,
        "candidates": summary.total("candidates"),
        "statuses": summary.statuses(),
        "parts": {name: f"{taken:.3f}" for name, taken in summary.parts.items()},
        "overrun_seconds": f"{summary.overrun_seconds:.2f}",
        "publish_errors": list(summary.publish_errors),
        "results": [_result(result) for result in summary.results],
    }


def tick_row(summary: TickSummary) -> dict[str, Any]:
    """Write a summary's totals with the keys of ``Services.last_ticks``."""
    return {
        "tick_id": summary.tick_id,
        "started_at": summary.started_at.isoformat(timespec="seconds"),
        "accounts": len(summary.results),
        "orders": summary.total("orders"),
        "external_orders": summary.total("external_orders"),
        "new_external_orders": summary.total("new_external_orders"),
        "positions": summary.total("positions"),
        "errors": summary.errors,
        "seconds": f"{summary.seconds:.2f}",
    }


def sentences(summary: TickSummary) -> list[str]:
    """List what went wrong, each with its account."""
    found = [f"{result.account}: {text}" for result in summary.results for text in result.errors]
    return [*found, *summary.publish_errors]


def _result(result: AccountResult) -> dict[str, Any]:
    unrealised = result.unrealised_pnl
    return {
        "account": result.account,
        "status": result.status,
        **{name: getattr(result, name) for name in _COUNTS},
        "realised_pnl": format_price(result.realised_pnl),
        "unrealised_pnl": None if unrealised is None else format_price(unrealised),
        "changed": sorted(result.changed),
        "failed": sorted(result.failed),
        "errors": list(result.errors),
    }


def _print(summary: TickSummary) -> None:
    out = console()
    out.print(table("Sync", _TICK, [tick_row(summary)]))
    rows = _worth_showing(summary.results)
    if rows:
        out.print(table("Accounts", _SHOWN, rows))
    left_out = len(summary.results) - len(rows)
    if left_out:
        out.print(f"{left_out} more accounts are up to date; --json shows all.")


def _worth_showing(results: Sequence[AccountResult]) -> list[dict[str, Any]]:
    """Choose all accounts while they are few, else those with trouble."""
    few = len(results) <= _MOST_ROWS
    chosen = [result for result in results if few or result.status != SUCCESS]
    return [_result(result) | {"errors": len(result.errors)} for result in chosen]
