"""What a tick came to, as Dagster shows it: a table in its log, an observation with its figures.

What belongs here: figures of all accounts together. What does not: what is recorded of each account
(``recording``).
"""

import dagster as dg

from tradesync_dagster.defs.desk_pages import page_link
from tradesync_dagster.defs.response_times import response_metadata
from tradesync_dagster.domain.results import TickSummary


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
    } | {f"seconds: {name}": f"{taken:.2f}" for name, taken in summary.parts.items()}
    lines = [f"| {name} | {value} |" for name, value in figures.items()]
    errors = [f"- {result.account}: {text}" for result in summary.results for text in result.errors]
    errors += [f"- {text}" for text in summary.publish_errors]
    errors += [f"- {overrun(summary)}"] if summary.overrun_seconds else []
    table = "\n".join(["| sync | |", "|---|---:|", *lines])
    return "\n\n".join([table, "\n".join(errors)]) if errors else table


def overrun(summary: TickSummary) -> str:
    """Say by how much a tick outlasted its interval."""
    return (
        f"this sync took {summary.seconds:.0f} s, {summary.overrun_seconds:.0f} s longer than the "
        f"{summary.interval_seconds:.0f} s between two: the next one is skipped; smaller shards "
        "(TRADESYNC_SHARD_SIZE) or a longer EXTERNAL_ORDER_SYNC_INTERVAL_MINUTES help"
    )


def observation(summary: TickSummary, left: int = 0) -> dg.AssetObservation:
    """Record that a tick looked at the broker's books, also where nothing changed.

    Args:
        summary: The tick.
        left: How many accounts are left to later ticks to record.

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
            "overrun_seconds": dg.MetadataValue.float(round(summary.overrun_seconds, 3)),
            "left_to_record": left,
            "changed": sum(bool(result.changed) for result in summary.results),
            **{f"accounts_{name}": count for name, count in summary.statuses().items()},
            **{
                f"seconds_{name}": dg.MetadataValue.float(round(taken, 3))
                for name, taken in summary.parts.items()
            },
            **response_metadata(summary.response_times),
            **page_link(),
        },
    )
