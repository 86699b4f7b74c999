"""``tradesync looks``: what was asked of an account's broker, what came, and what was decided.

What belongs here: which columns people see. What does not: recording looks (``sync``).
"""

from collections.abc import Mapping
from typing import Any

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.cli.arguments import AccountKey, Days
from tradesync_dagster.cli.screen import AsJson, show

_KINDS = ("orders", "trades", "positions", "holdings")
_COLUMNS = ("asked_at", "complete", *_KINDS, "candidates", "confirmed", "why")


def looks(account: AccountKey, *, days: Days = 1, as_json: AsJson = False) -> None:
    """Show what was asked of an account's broker, what came and what was decided, newest first."""
    rows = open_services().looks(account, days)
    told = rows if as_json else [_line(row) for row in rows]
    show(told, as_json=as_json, title=f"Looks at {account}", columns=_COLUMNS)


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    answers = {answer["kind"]: answer for answer in row["answers"]}
    told = {kind: _told(answers.get(kind)) for kind in _KINDS}
    reasons = [a.get("reason") or a.get("error") for a in row["answers"]]
    return {
        **row,
        **told,
        "asked_at": f"{row['asked_at'][:19]}Z",
        "complete": "yes" if row["complete"] else "no",
        "why": next(filter(None, reasons), ""),
    }


def _told(answer: Mapping[str, Any] | None) -> str:
    if answer is None:
        return ""
    refused = f" ({answer['rejects']} refused)" if answer["rejects"] else ""
    rows = "" if answer["rows"] is None else f"{answer['rows']}{refused} "
    return f"{rows}{answer['decision'].replace('_', ' ')}"
