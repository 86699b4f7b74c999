"""An account's result: made of a look, joined over looks, read back, as a row.

What belongs here: turning what a look did into the figures that people see. What does not: the
document's shape (``documents``), what a look does (``applying``, ``rebuilding``).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.order_books import count_origins
from tradesync_dagster.domain.orders import Origin
from tradesync_dagster.domain.results import (
    ASSETS,
    FAILED,
    PARTIAL,
    SUCCESS,
    AccountResult,
    ResponseTime,
    TickSummary,
)
from tradesync_dagster.sync.applying import Applied
from tradesync_dagster.sync.documents import result_document
from tradesync_dagster.sync.rebuilding import AccountBooks

TOTALS = (
    "orders", "external_orders", "new_external_orders", "candidates", "fills", "positions",
    "holdings", "rejects", "breaks",
)  # fmt: skip
"""The figures of accounts that a tick adds up."""
_MOST_SENTENCES = 50
"""Most errors that a tick's row repeats; each account's own are in its result."""
_COUNTS = (
    "orders", "external_orders", "candidates", "fills", "positions", "holdings", "breaks",
)  # fmt: skip


def result_of(entry: Applied, books: AccountBooks, *, moved: bool) -> AccountResult:
    """Sum up what a look did.

    Args:
        entry: What it changed.
        books: The account's books after it.
        moved: Whether its snapshot changed.

    Returns:
        The result; its breaks are still to be counted.
    """
    origins = count_origins(entry.orders.values(), entry.trade_date)
    changed = entry.changed | books.changed | ({"snapshots"} if moved else set())
    status = SUCCESS
    if entry.errors:
        status = FAILED if entry.failed.issuperset(ASSETS[:5]) else PARTIAL
    return AccountResult(
        account=entry.account.key,
        account_id=entry.account.account_id,
        status=status,
        errors=tuple(entry.errors),
        changed=frozenset(changed),
        failed=frozenset(entry.failed),
        orders=origins.total(),
        external_orders=origins[Origin.EXTERNAL],
        new_external_orders=entry.confirmed,
        candidates=origins[Origin.CANDIDATE],
        fills=entry.fills,
        positions=len(books.positions),
        holdings=len(books.holdings),
        realised_pnl=books.realised_pnl,
        unrealised_pnl=books.unrealised_pnl,
        rejects=entry.rejects,
        positions_regenerated=books.regenerated,
        seconds=entry.seconds,
    )


def from_document(document: Mapping[str, Any], account: Account) -> AccountResult:
    """Read a stored success back, as the result of a look that changed nothing.

    Args:
        document: From ``result_document``.
        account: Whose.

    Returns:
        The same figures; nothing changed, nothing new.
    """
    unrealised = document["unrealised_pnl"]
    return AccountResult(
        account=account.key,
        account_id=account.account_id,
        status=SUCCESS,
        **{name: document[name] for name in _COUNTS},
        realised_pnl=_millionths(document["realised_pnl"]),
        unrealised_pnl=None if unrealised is None else _millionths(unrealised),
    )


def _millionths(text: str) -> int:
    return int(Decimal(text).scaleb(6))


def result_row(
    result: AccountResult, tick_id: str, started: datetime, run_id: str = ""
) -> dict[str, object]:
    """Write a result as the store keeps it, with the run in Dagster where it came of one."""
    return {
        "tick_id": tick_id,
        "account_id": result.account_id,
        "started_at": started,
        "status": result.status,
        "results": result_document(result) | ({"run_id": run_id} if run_id else {}),
    }


def joined(first: AccountResult | None, second: AccountResult) -> AccountResult:
    """Join the results of two looks within one tick: the newer figures, all that changed."""
    if first is None:
        return second
    return replace(
        second,
        changed=first.changed | second.changed,
        new_external_orders=first.new_external_orders + second.new_external_orders,
        positions_regenerated=first.positions_regenerated or second.positions_regenerated,
        seconds={
            name: first.seconds.get(name, 0.0) + second.seconds.get(name, 0.0)
            for name in {*first.seconds, *second.seconds}
        },
    )


def refused(account: Account, error: Exception) -> AccountResult:
    """Sum up a look that the books refused."""
    sentence = f"{account.key}: {error}"
    return AccountResult(
        account.key, account.account_id, FAILED, (sentence,), failed=frozenset(ASSETS)
    )


def tick_row(summary: TickSummary) -> dict[str, object]:
    """Write what a tick came to as the store keeps it; seconds as text."""
    errors = [f"{result.account}: {text}" for result in summary.results for text in result.errors]
    return {
        "tick_id": summary.tick_id,
        "shard": summary.shard,
        "started_at": summary.started_at,
        "status": summary.status,
        "accounts": len(summary.results),
        "summary": {
            **{name: summary.total(name) for name in TOTALS},
            "changed": sum(bool(result.changed) for result in summary.results),
            "statuses": summary.statuses(),
            "seconds": f"{summary.seconds:.2f}",
            "parts": {name: f"{taken:.3f}" for name, taken in summary.parts.items()},
            "overrun_seconds": f"{summary.overrun_seconds:.2f}",
            "response_times": [_answered(one) for one in summary.response_times],
            "errors": summary.errors,
            "sentences": [*errors, *summary.publish_errors][:_MOST_SENTENCES],
        },
    }


def _answered(one: ResponseTime) -> dict[str, object]:
    return {
        "broker": one.broker,
        "endpoint": one.endpoint,
        "count": one.count,
        "failures": one.failures,
        "mean_seconds": f"{one.mean_seconds:.3f}",
        "max_seconds": f"{one.max_seconds:.3f}",
    }
