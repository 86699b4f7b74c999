"""Whether an account's books are complete.

What belongs here: asset checks and how a result answers them. What does not: the reconciliation
itself (``sync``).
"""

import warnings

import dagster as dg

from tradesync_dagster.defs.partitions import accounts
from tradesync_dagster.domain.results import AccountResult

with warnings.catch_warnings():
    # A check without partitions would show the last account's answer as everybody's.
    warnings.simplefilter("ignore", dg.PreviewWarning)
    books_complete = dg.AssetCheckSpec(
        name="books_complete",
        asset="external_orders",
        partitions_def=accounts,
        description="The account's day is complete: every step of its sync worked, no row was "
        "refused, and no order waits to be confirmed as external.",
    )


def passes(result: AccountResult) -> bool:
    """Tell whether nothing is open.

    Args:
        result: The account's result.

    Returns:
        Whether there are no errors, rejects or candidates.
    """
    return not (result.errors or result.rejects or result.candidates)


def evaluation(result: AccountResult) -> dg.AssetCheckEvaluation:
    """Answer ``books_complete`` for one account.

    Args:
        result: The account's result.

    Returns:
        The answer: an error if the sync had errors, a warning for rejects or candidates only.
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
        },
    )


def _open_ends(result: AccountResult) -> str:
    found = [
        text
        for count, text in (
            (result.rejects, f"{result.rejects} rows refused"),
            (result.candidates, f"{result.candidates} orders may be external, not yet confirmed"),
        )
        if count
    ]
    return "; ".join(found) or "Nothing is open."
