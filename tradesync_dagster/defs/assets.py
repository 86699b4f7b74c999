"""The books of each account as Dagster assets.

What belongs here: the assets, their lineage, and handing a run's accounts to the sync. What does
not: the sync (``sync``), or how its results read (``recording``).
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

import dagster as dg
from pydantic import Field

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.defs import recording, summaries
from tradesync_dagster.defs.checks import books_complete
from tradesync_dagster.defs.partitions import accounts
from tradesync_dagster.defs.upkeep import OWNERS, TRADING, ticked
from tradesync_dagster.domain.results import AccountResult, TickSummary

SPECS = [
    dg.AssetSpec(
        "order_book",
        group_name="books",
        owners=OWNERS,
        freshness_policy=TRADING,
        kinds={"api"},
        skippable=True,
        description="Today's orders and trades as the broker tells them, fetched completely or "
        "not at all. A book that could not be read changes nothing.",
    ),
    dg.AssetSpec(
        "external_orders",
        deps=["order_book"],
        group_name="books",
        owners=OWNERS,
        freshness_policy=TRADING,
        kinds={"sql"},
        skippable=True,
        description="Orders that did not come from us, such as those placed by hand in the "
        "broker's app: confirmed by two complete books of the broker asked for some time apart.",
    ),
    dg.AssetSpec(
        "orders",
        deps=["external_orders"],
        group_name="books",
        owners=OWNERS,
        freshness_policy=TRADING,
        kinds={"sql"},
        skippable=True,
        description="Every order of the account, ours and external, with its fills and its "
        "history. Never changed on a broker's silence.",
    ),
    dg.AssetSpec(
        "positions",
        deps=["orders"],
        group_name="books",
        owners=OWNERS,
        freshness_policy=TRADING,
        kinds={"numpy", "sql"},
        skippable=True,
        description="Open positions rebuilt from the fills, first in, first out, with realised "
        "and unrealised profit to the last paisa.",
    ),
    dg.AssetSpec(
        "holdings",
        deps=["orders"],
        group_name="books",
        owners=OWNERS,
        freshness_policy=TRADING,
        kinds={"numpy", "sql"},
        skippable=True,
        description="Shares held beyond the day, with their true cost from the lots that bought "
        "them.",
    ),
    dg.AssetSpec(
        "snapshots",
        deps=["positions", "holdings"],
        group_name="books",
        owners=OWNERS,
        freshness_policy=TRADING,
        kinds={"redis", "rabbitmq"},
        skippable=True,
        description="The account's state as other systems read it: published to Redis, with a "
        "message on RabbitMQ for each change. Without servers both stay in the database.",
    ),
]
"""Lineage reads as the data flows; the order is that of ``domain.results.ASSETS``."""


Recorded = dg.AssetMaterialization | dg.AssetCheckEvaluation | dg.AssetObservation
"""What a sync leaves in Dagster's event log."""


class SyncConfig(dg.Config):
    """What a run without partitions syncs.

    Attributes:
        accounts: ``ORG/ACCOUNT`` keys; all enabled accounts when empty.
        force: Rebuild also what looks unchanged.
        shard: Which part of all accounts they are; empty for chosen ones.
    """

    accounts: list[str] = Field(default_factory=list)
    force: bool = False
    shard: str = ""


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
) -> Iterator[Recorded]:
    """Sync the run's partitions, or in a tick the accounts of its config."""
    chosen = context.has_partition_key or context.has_partition_key_range
    wanted = list(context.partition_keys) if chosen else config.accounts
    run_id = context.run.run_id
    summary = services.sync(wanted or None, force=config.force, shard=config.shard, run_id=run_id)
    context.log.info(summaries.summary_table(summary))
    # Dagster's list of runs finds a sync's run by this tag.
    context.instance.add_run_tags(run_id, {recording.TICK_ID: summary.tick_id})
    yield from (_record_chosen if chosen else _record_tick)(context, services, summary)


def _record_chosen(
    context: dg.AssetExecutionContext, services: Services, summary: TickSummary
) -> Iterator[Recorded]:
    """Record all of the accounts that somebody chose; fail the run where one failed."""
    selected = _selected(context)
    due = {result.account: selected - recording.stale(result) for result in summary.results}
    yield from _record(context, services, summary, due, recording.Shown())
    _raise_for_failed(summary)


def _record_tick(
    context: dg.AssetExecutionContext, services: Services, summary: TickSummary
) -> Iterator[Recorded]:
    """Record changes, and what people see as failed, or do not see yet, but is well."""
    if summary.overrun_seconds:
        context.log.warning(summaries.overrun(summary))
    before = recording.shown_before(context.instance, summary)
    due, left = recording.share_out(summary, before)
    selected = _selected(context)
    due = {account: names & selected for account, names in due.items()}
    yield from _record(context, services, summary, due, before)
    yield summaries.observation(summary, left=len(left))
    if context.run.tags.get(recording.KIND) == recording.TICK:
        context.log_event(ticked(summary.tick_id, summary.status, len(summary.results)))
    recording.keep_tick(context.instance, summary, left)
    context.instance.add_run_tags(context.run.run_id, recording.tick_tags(summary))


def _record(
    context: dg.AssetExecutionContext,
    services: Services,
    summary: TickSummary,
    due: Mapping[str, AbstractSet[str]],
    before: recording.Shown,
) -> Iterator[Recorded]:
    """Record those assets of each account that are due."""
    for result in summary.results:
        if result.account not in due:
            continue
        names = due[result.account]
        rows = services.external_orders(result.account) if "external_orders" in names else []
        was_open = result.account in before.open
        yield from recording.account_events(
            result, names, rows, context.instance, was_open=was_open
        )


def _selected(context: dg.AssetExecutionContext) -> set[str]:
    return {key.to_user_string() for key in context.selected_asset_keys}


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
