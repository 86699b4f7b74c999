"""How results read in Dagster: events, metadata, tags and tables.

What belongs here: turning results into what Dagster records. What does not: deciding what changed
or failed (``sync``), or asking for runs (``sensors``).
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from tradesync_dagster.defs.checks import evaluation, passes
from tradesync_dagster.defs.partitions import ACCOUNTS, accounts
from tradesync_dagster.defs.response_times import response_metadata
from tradesync_dagster.domain.money import format_price
from tradesync_dagster.domain.results import ASSETS, FAILED, AccountResult, TickSummary

KIND = "tradesync/kind"
TICK = "tick"
TICK_ID = "tradesync/tick_id"
FAILED_ACCOUNTS = "tradesync/failed_accounts"
OPEN_ACCOUNTS = "tradesync/open_accounts"
"""Those whose check did not pass, so that the next tick says so once it does."""

MOST_ROWS = 100
"""Most orders in one event's table: events stay in the history for good."""

_COLUMNS = (
    "broker_order_id", "placed_at", "exchange", "symbol", "side", "quantity", "filled_quantity",
    "average_price", "product", "status", "origin", "message",
)  # fmt: skip
"""What a table of orders shows of each."""

Metadata = dict[str, dg.MetadataValue | str | int]
Row = Mapping[str, str | int]

_FIGURES: dict[str, tuple[str, ...]] = {
    "order_book": ("orders", "fills", "rejects"),
    "external_orders": ("external_orders", "new_external_orders", "candidates"),
    "orders": ("orders", "external_orders", "fills"),
    "positions": ("positions",),
    "holdings": ("holdings",),
    "snapshots": ("orders", "positions", "holdings"),
}


def stale(result: AccountResult) -> frozenset[str]:
    """Name the assets that this sync left as they were, because it failed.

    Args:
        result: One account's result.

    Returns:
        Some of ``ASSETS``: all of them for a failed account that names none.
    """
    return frozenset(ASSETS) if result.status == FAILED and not result.failed else result.failed


def shown_failed(
    instance: dg.DagsterInstance,
    keys: Collection[str] | None = None,
    *,
    or_missing: bool = False,
) -> dict[str, frozenset[str]]:
    """Read which partitions Dagster shows as failed.

    Args:
        instance: Where it is recorded.
        keys: Only these accounts; all that are partitions if not given.
        or_missing: Count those that were never recorded too.

    Returns:
        The names of the failed assets by account; accounts without any are left out.
    """
    known = instance.get_dynamic_partitions(ACCOUNTS)
    wanted = [key for key in known if keys is None or key in keys]
    wanted_statuses = {dg.AssetPartitionStatus.FAILED, *([None] if or_missing else [])}
    found: dict[str, set[str]] = {}
    for name in ASSETS if wanted else ():
        shown = instance.get_status_by_partition(dg.AssetKey(name), wanted, accounts) or {}
        for key, status in shown.items():
            if status in wanted_statuses:
                found.setdefault(key, set()).add(name)
    return {key: frozenset(names) for key, names in found.items()}


@dataclass(frozen=True, slots=True)
class Shown:
    """What people see from earlier runs, and a tick has to put right even if nothing changed.

    Attributes:
        failed: The names of assets shown as failed, or not at all yet, by account.
        open: Accounts whose check did not pass.
    """

    failed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    open: frozenset[str] = frozenset()


def shown_before(instance: dg.DagsterInstance, summary: TickSummary) -> Shown:
    """Read what is shown of a tick's accounts before its results are recorded.

    Args:
        instance: Where it is recorded.
        summary: The tick.

    Returns:
        What is shown of those that are well again.
    """
    well = {result.account for result in summary.results if not stale(result)}
    return Shown(
        shown_failed(instance, well, or_missing=True),
        frozenset(listed(latest_tick(instance), OPEN_ACCOUNTS)),
    )


def latest_tick(instance: dg.DagsterInstance) -> Mapping[str, str]:
    """Find the last tick that ended.

    Args:
        instance: Where runs are recorded.

    Returns:
        Its run's tags; none if there is no such run.
    """
    ended = dg.RunsFilter(tags={KIND: TICK}, statuses=[dg.DagsterRunStatus.SUCCESS])
    records = instance.get_run_records(ended, limit=1)
    return records[0].dagster_run.tags if records else {}


def account_events(
    result: AccountResult,
    names: Collection[str],
    external: Sequence[Row],
    instance: dg.DagsterInstance,
    *,
    was_open: bool,
) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation]:
    """Record what one account's sync brought.

    Args:
        result: The account's result.
        names: The assets to record, some of ``ASSETS``.
        external: The day's external orders, for the table.
        instance: Where the events are recorded.
        was_open: Whether people still see the account's check as not passed.

    Yields:
        A materialization for each asset, in the order of the data's flow; then the check's
        answer, if there is anything to say.
    """
    for name in ASSETS:
        if name in names:
            yield dg.AssetMaterialization(
                asset_key=name,
                partition=result.account,
                metadata=_metadata(name, result, external),
            )
    if names or was_open or not passes(result):
        yield evaluation(result, instance)


def _metadata(name: str, result: AccountResult, external: Sequence[Row]) -> Metadata:
    found: Metadata = {figure: getattr(result, figure) for figure in _FIGURES[name]}
    found["status"] = result.status
    if name == "external_orders" and external:
        found["orders_of_the_day"] = _table(external)
    if name == "positions":
        found |= _profit(result)
    if result.seconds:
        found["seconds"] = dg.MetadataValue.float(round(sum(result.seconds.values()), 3))
        found["seconds_by_step"] = dg.MetadataValue.md(_steps(result.seconds))
    if result.errors:
        found["errors"] = dg.MetadataValue.md("\n".join(f"- {text}" for text in result.errors))
    return found


def _profit(result: AccountResult) -> Metadata:
    unrealised = result.unrealised_pnl
    return {
        "realised_pnl": format_price(result.realised_pnl),
        "unrealised_pnl": "a price is missing" if unrealised is None else format_price(unrealised),
        "regenerated": dg.MetadataValue.bool(result.positions_regenerated),
    }


def _table(rows: Sequence[Row]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord({name: row[name] for name in _COLUMNS if name in row})
            for row in rows[:MOST_ROWS]
        ]
    )


def _steps(seconds: Mapping[str, float]) -> str:
    lines = [f"| {step} | {taken:.3f} |" for step, taken in seconds.items()]
    return "\n".join(["| step | seconds |", "|---|---:|", *lines])


def summary_table(summary: TickSummary) -> str:
    """Write a tick's figures for people.

    Args:
        summary: The tick.

    Returns:
        A markdown table, followed by the errors.
    """
    figures = {
        "status": summary.status,
        "accounts": len(summary.results),
        "changed": sum(bool(result.changed) for result in summary.results),
        "orders": summary.total("orders"),
        "external orders": summary.total("external_orders"),
        "new external orders": summary.total("new_external_orders"),
        "candidates": summary.total("candidates"),
        "positions": summary.total("positions"),
        "errors": summary.errors,
        "seconds": f"{summary.seconds:.2f}",
    }
    lines = [f"| {name} | {value} |" for name, value in figures.items()]
    errors = [f"- {result.account}: {text}" for result in summary.results for text in result.errors]
    errors += [f"- {text}" for text in summary.publish_errors]
    table = "\n".join(["| sync | |", "|---|---:|", *lines])
    return "\n\n".join([table, "\n".join(errors)]) if errors else table


def observation(summary: TickSummary) -> dg.AssetObservation:
    """Record that a tick looked at the broker's books, also where nothing changed.

    Args:
        summary: The tick.

    Returns:
        One event with the tick's figures, which the asset's page plots over time.
    """
    return dg.AssetObservation(
        asset_key="order_book",
        description=f"tick {summary.tick_id}: {summary.status}",
        metadata={
            "summary": dg.MetadataValue.md(summary_table(summary)),
            "accounts": len(summary.results),
            "orders": summary.total("orders"),
            "external_orders": summary.total("external_orders"),
            "positions": summary.total("positions"),
            "errors": summary.errors,
            "breaks": summary.total("breaks"),
            "seconds": dg.MetadataValue.float(round(summary.seconds, 3)),
            **response_metadata(summary.response_times),
        },
    )


def tick_tags(summary: TickSummary) -> dict[str, str]:
    """Write what the sensors need to know of a tick, and the list of runs shows.

    Args:
        summary: The tick.

    Returns:
        Tags for its run.
    """
    failed = [result.account for result in summary.results if stale(result)]
    still_open = [result.account for result in summary.results if not passes(result)]
    return {
        KIND: TICK,
        TICK_ID: summary.tick_id,
        FAILED_ACCOUNTS: json.dumps(failed),
        OPEN_ACCOUNTS: json.dumps(still_open),
    }


def listed(tags: Mapping[str, str], name: str) -> list[str]:
    """Read a list of accounts back from a tick's tags.

    Args:
        tags: A run's tags, written by ``tick_tags``.
        name: ``FAILED_ACCOUNTS`` or ``OPEN_ACCOUNTS``.

    Returns:
        Account keys.
    """
    return [str(key) for key in json.loads(tags.get(name, "[]"))]
