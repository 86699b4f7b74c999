"""Whether an account's books are complete, and whether they follow from its fills.

What belongs here: asset checks and how a result answers them. What does not: the reconciliation
and the replay themselves (``sync``).
"""

import warnings
from collections.abc import Iterator

import dagster as dg

# Not exported, and without it an answer given outside the materialization's own step never counts
# as current; test_replay_check holds it to what this version does.
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)
from pydantic import Field

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.defs.desk_pages import account_link
from tradesync_dagster.defs.partitions import accounts
from tradesync_dagster.domain.results import AccountResult
from tradesync_dagster.sync.history import Replay

with warnings.catch_warnings():
    # A check without partitions would show the last account's answer as everybody's.
    warnings.simplefilter("ignore", dg.PreviewWarning)
    books_complete = dg.AssetCheckSpec(
        name="books_complete",
        asset="external_orders",
        partitions_def=accounts,
        description="The account's day is complete: every step of its sync worked, no row was "
        "refused, no order waits to be confirmed as external, and the books agree with the "
        "broker's own figures.",
    )
    books_replay = dg.AssetCheckSpec(
        name="books_replay",
        asset="positions",
        partitions_def=accounts,
        description="The stored books are exactly what a full replay of the account's fills "
        "gives: every lot and every day.",
    )


def passes(result: AccountResult) -> bool:
    """Tell whether nothing is open.

    Args:
        result: The account's result.

    Returns:
        Whether there are no errors, rejects, candidates or breaks.
    """
    return not (result.errors or result.rejects or result.candidates or result.breaks)


def evaluation(result: AccountResult, instance: dg.DagsterInstance) -> dg.AssetCheckEvaluation:
    """Answer ``books_complete`` for one account.

    Args:
        result: The account's result.
        instance: Where what the answer is about has been recorded.

    Returns:
        The answer: an error if the sync had errors, a warning for anything else that is open.
    """
    severity = dg.AssetCheckSeverity.ERROR if result.errors else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckEvaluation(
        asset_key=books_complete.asset_key,
        check_name=books_complete.name,
        passed=passes(result),
        partition=result.account,
        severity=severity,
        description="; ".join(result.errors) or _open_ends(result),
        metadata={
            "errors": len(result.errors),
            "rejects": result.rejects,
            "candidates": result.candidates,
            "breaks": result.breaks,
            **account_link(result.account),
        },
        target_materialization_data=checked(instance, books_complete, result.account),
    )


def _open_ends(result: AccountResult) -> str:
    found = [
        text
        for count, text in (
            (result.rejects, f"{result.rejects} rows refused"),
            (result.candidates, f"{result.candidates} orders may be external, not yet confirmed"),
            (result.breaks, f"{result.breaks} differences from the broker: tradesync breaks"),
        )
        if count
    ]
    return "; ".join(found) or "Nothing is open."


class AuditConfig(dg.Config):
    """Whose books a run without partitions replays.

    Attributes:
        accounts: ``ORG/ACCOUNT`` keys; all enabled accounts when empty.
    """

    accounts: list[str] = Field(default_factory=list)


@dg.multi_asset_check(
    name="replay_books",
    specs=[books_replay],
    can_subset=True,
    description="Keeps the books once more from the first fill, and compares them with the "
    "stored ones; writes nothing.",
)
def replay_books(
    context: dg.AssetCheckExecutionContext,
    config: AuditConfig,
    services: dg.ResourceParam[Services],
) -> Iterator[dg.AssetCheckEvaluation]:
    """Replay the accounts of the run's partitions, or else of its config."""
    run = context.op_execution_context
    chosen = run.has_partition_key or run.has_partition_key_range
    enabled = (account.key for account in services.store.accounts())
    wanted = list(run.partition_keys) if chosen else config.accounts or list(enabled)
    targets = {account: checked(context.instance, books_replay, account) for account in wanted}
    for account, replay in services.replay(wanted).items():
        yield _replay_evaluation(account, replay, targets[account])


def _replay_evaluation(
    account: str, replay: Replay, target: AssetCheckEvaluationTargetMaterializationData | None
) -> dg.AssetCheckEvaluation:
    right = f"{replay.fills} fills give exactly the stored books."
    wrong = f"{replay.count} rows are not as {replay.fills} fills give them."
    text = wrong if replay.count else right
    metadata: dict[str, dg.MetadataValue | int] = {
        "fills": replay.fills,
        "differences": replay.count,
        **account_link(account),
    }
    if replay.differences:
        lines = "\n".join(f"- {line}" for line in replay.differences)
        metadata["first_differences"] = dg.MetadataValue.md(lines)
    return dg.AssetCheckEvaluation(
        asset_key=books_replay.asset_key,
        check_name=books_replay.name,
        passed=not (replay.count or replay.stale),
        partition=account,
        severity=dg.AssetCheckSeverity.WARN if replay.stale else dg.AssetCheckSeverity.ERROR,
        description=f"{text} The books wait to be made anew." if replay.stale else text,
        metadata=metadata,
        target_materialization_data=target,
    )


def checked(
    instance: dg.DagsterInstance, check: dg.AssetCheckSpec, account: str
) -> AssetCheckEvaluationTargetMaterializationData | None:
    """Name what an answer is about; without it Dagster shows the account as never checked.

    Args:
        instance: Where it is recorded.
        check: The check.
        account: ``ORG/ACCOUNT``.

    Returns:
        The asset's latest materialization for the account; ``None`` if there is none.
    """
    wanted = dg.AssetRecordsFilter(asset_key=check.asset_key, asset_partitions=[account])
    records = instance.fetch_materializations(wanted, limit=1).records
    if not records:
        return None
    return AssetCheckEvaluationTargetMaterializationData(
        storage_id=records[0].storage_id,
        run_id=records[0].run_id,
        timestamp=records[0].timestamp,
    )
