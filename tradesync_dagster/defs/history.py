"""The books of past days as Dagster assets, an account and a trading day each.

What belongs here: the assets, and the two ways in which days are asked for: by partitions, or by
accounts and dates in a run's config. What does not: making days anew (``sync.history``), how they
read (``day_figures``).
"""

import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import dagster as dg
from pydantic import Field

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.defs import day_figures
from tradesync_dagster.defs.partitions import (
    ACCOUNT,
    DATE,
    HISTORY_START,
    account_days,
    dimensions_of,
)
from tradesync_dagster.defs.upkeep import OWNERS, TRADING
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.trading_hours import TradingHours

_DAY = r"^\d{4}-\d{2}-\d{2}$"


def _of_same_account(asset: str) -> dg.AssetDep:
    with warnings.catch_warnings():
        # The mapping is in beta; without it every day would seem to need every account.
        warnings.simplefilter("ignore", dg.BetaWarning)
        mapping = dg.MultiToSingleDimensionPartitionMapping(ACCOUNT)
    return dg.AssetDep(asset, partition_mapping=mapping)


SPECS = [
    dg.AssetSpec(
        "daily_positions",
        deps=[_of_same_account("positions")],
        group_name="history",
        owners=OWNERS,
        freshness_policy=TRADING,
        kinds={"numpy", "sql"},
        skippable=True,
        description="Positions at the end of each trading day, with the profit of the day and of "
        "all days up to it, as the fills known by now give them.",
    ),
    dg.AssetSpec(
        "daily_holdings",
        deps=[_of_same_account("holdings")],
        group_name="history",
        owners=OWNERS,
        freshness_policy=TRADING,
        kinds={"numpy", "sql"},
        skippable=True,
        description="Delivery shares held at the end of each trading day, those bought on it "
        "included, as the fills known by now give them.",
    ),
]
NAMES = tuple(spec.key.to_user_string() for spec in SPECS)


@dataclass(frozen=True, slots=True)
class Span:
    """Accounts, and trading days in order: every account has every day."""

    accounts: Sequence[str]
    days: Sequence[date]


class SpanConfig(dg.Config):
    """Which days of which accounts a run makes anew.

    Attributes:
        accounts: ``ORG/ACCOUNT`` keys, any set; all enabled accounts when empty.
        since: The first day, ``YYYY-MM-DD``.
        until: The last day; today when empty.
        rebuild: Make the books anew from the first day on. Otherwise they are recorded as the
            syncs have kept them.
    """

    accounts: list[str] = Field(default_factory=list)
    since: str = Field(pattern=_DAY)
    until: str = Field(default="", pattern=f"^$|{_DAY}")
    rebuild: bool = True


@dg.multi_asset(
    name="daily_books",
    specs=SPECS,
    partitions_def=account_days,
    backfill_policy=dg.BackfillPolicy.single_run(),
    can_subset=True,
    description="Makes the books of a range of days anew, all accounts in one pass.",
)
def daily_books(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> Iterator[dg.AssetMaterialization]:
    """Make the days of the run's partitions anew, and record each."""
    cells = [dimensions_of(key) for key in context.partition_keys]
    span = Span(
        list(dict.fromkeys(cell[ACCOUNT] for cell in cells)),
        sorted({date.fromisoformat(cell[DATE]) for cell in cells}),
    )
    names = {key.to_user_string() for key in context.selected_asset_keys}
    yield from _record(services, span, names, rebuild=True)


@dg.op(
    out={},
    description="Makes any accounts' books of a range of days anew in one pass, and records each "
    "account's days.",
)
def rebuild_days(
    context: dg.OpExecutionContext, config: SpanConfig, services: dg.ResourceParam[Services]
) -> Iterator[dg.AssetMaterialization]:
    """Make the days of the run's config anew, and record each."""
    since = date.fromisoformat(config.since)
    until = date.fromisoformat(config.until) if config.until else _today(services)
    if since < HISTORY_START:
        raise dg.Failure(
            f"{since} is before {HISTORY_START}, the first day that TRADESYNC_HISTORY_START lets "
            "Dagster show"
        )
    enabled = (account.key for account in services.store.accounts())
    span = Span(config.accounts or list(enabled), _hours(services).trading_days(since, until))
    context.log.info("%d accounts, %d days", len(span.accounts), len(span.days))
    yield from _record(services, span, NAMES, rebuild=config.rebuild)


def _record(
    services: Services, span: Span, names: Collection[str], *, rebuild: bool
) -> Iterator[dg.AssetMaterialization]:
    days = [day for day in span.days if day <= _today(services)]
    if not days:
        raise dg.Failure("none of these days is a trading day that has begun")
    if rebuild:
        services.rebuild_history(span.accounts, days[0])
    changed = list(services.unshown(span.accounts).values())
    # From the day before, whose column takes in what was earned until then.
    eve = _hours(services).previous_trading_day(days[0])
    curves = services.daily(span.accounts, eve, days[-1])
    for account in span.accounts:
        yield from day_figures.events(account, curves.get(account, {}), days, names)
    if set(names) == set(NAMES):
        # What changed before the first day that Dagster shows is shown by that day.
        first = date.min if eve < HISTORY_START else eve + timedelta(days=1)
        services.mark_shown(changed, first, days[-1])


def _hours(services: Services) -> TradingHours:
    return services.settings.trading_hours


def _today(services: Services) -> date:
    return trade_date_of(services.clock.now())
