"""The books of each account as Dagster assets.

What belongs here: the assets, their lineage, and handing a run's accounts to the sync. What does
not: the sync (``sync``), or how its results read (``recording``).
"""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.defs import recording
from tradesync_dagster.defs.checks import books_complete
from tradesync_dagster.defs.partitions import accounts
from tradesync_dagster.domain.results import AccountResult, TickSummary

SPECS = [
    dg.AssetSpec(
        "order_book",
        group_name="books",
        kinds={"api"},
        skippable=True,
        description="Today's orders and trades as the broker tells them, fetched completely or "
        "not at all. A book that could not be read changes nothing.",
    ),
    dg.AssetSpec(
        "external_orders",
        deps=["order_book"],
        group_name="books",
        kinds={"sql"},
        skippable=True,
        description="Orders that did not come from us, such as those placed by hand in the "
        "broker's app: confirmed by two complete books of the broker asked for some time apart.",
    ),
    dg.AssetSpec(
        "orders",
        deps=["external_orders"],
        group_name="books",
        kinds={"sql"},
        skippable=True,
        description="Every order of the account, ours and external, with its fills and its "
        "history. Never changed on a broker's silence.",
    ),
    dg.AssetSpec(
        "positions",
        deps=["orders"],
        group_name="books",
        kinds={"numpy", "sql"},
        skippable=True,
        description="Open positions rebuilt from the fills, first in, first out, with realised "
        "and unrealised profit to the last paisa.",
    ),
    dg.AssetSpec(
        "holdings",
        deps=["orders"],
        group_name="books",
        kinds={"numpy", "sql"},
        skippable=True,
        description="Shares held beyond the day, with their true cost from the lots that bought "
        "them.",
    ),
    dg.AssetSpec(
        "snapshots",
        deps=["positions", "holdings"],
        group_name="books",
        kinds={"redis", "rabbitmq"},
        skippable=True,
        description="The account's state as other systems read it: published to Redis, with a "
        "message on RabbitMQ for each change. Without servers both stay in the database.",
    ),
]
"""Lineage reads as the data flows; the order is that of ``domain.results.ASSETS``."""


class SyncConfig(dg.Config):
    """What a run without partitions syncs.

    Attributes:
        accounts: ``ORG/ACCOUNT`` keys; all enabled accounts when empty.
        force: Rebuild also what looks unchanged.
    """

    accounts: list[str] = Field(default_factory=list)
    force: bool = False


@dg.multi_asset(
    name="sync_accounts",
    specs=SPECS,
    check_specs=[books_complete],
    partitions_def=accounts,
    backfill_policy=dg.BackfillPolicy.single_run(),
    can_subset=True,
    description="One sync of a set of accounts, all at the same time.",
)
def sync_accounts(
    context: dg.AssetExecutionContext, config: SyncConfig, services: dg.ResourceParam[Services]
) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation | dg.AssetObservation]:
    """Sync the run's partitions, or in a tick the accounts of its config."""
    chosen = context.has_partition_key or context.has_partition_key_range
    wanted = list(context.partition_keys) if chosen else config.accounts
    summary = services.sync(wanted or None, force=config.force)
    context.log.info(recording.summary_table(summary))
    before = recording.Shown() if chosen else recording.shown_before(context.instance, summary)
    selected = {key.to_user_string() for key in context.selected_asset_keys}
    for result in summary.results:
        # A tick records changes, and what people see as failed, or do not see yet, but is well.
        due = (
            selected if chosen else result.changed | before.failed.get(result.account, frozenset())
        )
        names = (due & selected) - recording.stale(result)
        rows = services.external_orders(result.account) if "external_orders" in names else []
        was_open = result.account in before.open
        yield from recording.account_events(
            result, names, rows, context.instance, was_open=was_open
        )
    if chosen:
        _raise_for_failed(summary)
    else:
        yield recording.observation(summary)
        context.instance.add_run_tags(context.run.run_id, recording.tick_tags(summary))


def _raise_for_failed(summary: TickSummary) -> None:
    failed = [result for result in summary.results if recording.stale(result)]
    if failed:
        raise dg.Failure(
            description="; ".join(_sentence(result) for result in failed),
            metadata={"failed_accounts": len(failed), "accounts": len(summary.results)},
            allow_retries=False,
        )


def _sentence(result: AccountResult) -> str:
    return f"{result.account}: {'; '.join(result.errors) or 'failed without a reason'}"
