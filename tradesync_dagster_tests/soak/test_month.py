"""Months of a desk of four brokers, held against the exchange's own records.

Two brokers, Zerodha and Upstox, let people download past trades, so that nothing of theirs stays
wrong. ``make test`` lives through one small month; ``make soak`` through many of full size, as many
as TRADESYNC_SOAK_SEEDS says, over the store that TRADESYNC_SOAK_STORE names. The seed decides what
people do and how likely each call is to fail; which of two calls made at once comes first it does
not decide.
"""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tradesync_dagster.store.schema import metadata
from tradesync_dagster_tests.support.month_owners import Owners, owners
from tradesync_dagster_tests.support.month_truth import Comparison
from tradesync_dagster_tests.support.simulated_month import Month, open_month, plan

_ENVIRONMENT = os.environ  # noqa: TID251 - set by make soak
SEEDS = int(_ENVIRONMENT.get("TRADESYNC_SOAK_SEEDS", "0"))
FIRST = int(_ENVIRONMENT.get("TRADESYNC_SOAK_FIRST", "1"))
STORE = _ENVIRONMENT.get("TRADESYNC_SOAK_STORE", "sqlite")
SMALL: dict[str, Any] = {"accounts": 8, "days": 7}
MONTHS = [(FIRST + seed, {}) for seed in range(SEEDS)] or [(1, SMALL)]


def count(month: Month, name: str, **where: str) -> int:
    table = metadata.tables[name]
    query = table.select().where(*(table.c[key] == value for key, value in where.items()))
    with month.desk.services.store.reading() as connection:
        return len(connection.execute(query).all())


def figures(month: Month, found: Owners) -> str:
    incomplete = count(month, "looks", complete=False)  # type: ignore[arg-type]
    return (
        f"seed {month.plan.seed}: {month.syncs} syncs of {len(month.brokers)} accounts in "
        f"{month.seconds:.0f} s; {found.orders} external orders, "
        f"{count(month, 'orders', origin='internal')} of ours, {count(month, 'fills')} fills, "
        f"{incomplete} looks not whole in the last week; placements {dict(month.own.came_to)}; "
        f"owners: precision {found.precision:.1%} of {found.given}, recall {found.recall:.1%} "
        f"of {found.due}\n"
    )


@pytest.mark.parametrize("database_url", [STORE], indirect=True)
@pytest.mark.parametrize(("seed", "size"), MONTHS)
def test_after_a_month_the_books_are_the_exchanges(
    seed: int, size: dict[str, Any], database_url: str, tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    with open_month(database_url, tmp_path, plan(seed, **size)) as month:
        month.live()
        found = owners(month)
        with capfd.disabled():
            sys.stdout.write("\n" + figures(month, found))
        wrong = Comparison(month).differences()
        assert not wrong, "\n".join(wrong[:50])
        # What would make the comparison an empty one:
        assert month.statuses["partial_success"] + month.statuses["failed"] > 5
        assert found.orders > 5 * month.plan.days
        # Which of ours a limit refuses, or a fault hits, differs with which call came first.
        assert sum(month.own.came_to[one] for one in ("executed", "open", "pending_execution")) > 3
        assert set(month.brokers.values()) >= {"KOTAK", "AUTOTRADER"}
        assert found.precision > 0.8
        assert found.recall > 0.5
