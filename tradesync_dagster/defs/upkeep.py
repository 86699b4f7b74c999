"""Who answers for the assets, and how old they may be.

Dagster judges freshness by what was recorded last of an asset, of any partition, and the books are
recorded when they change. So only ``ticks``, recorded by every tick, can be held to minutes. What
belongs here: owners and freshness policies. What does not: what is recorded (``recording``).
"""

from datetime import timedelta

import dagster as dg

from tradesync_dagster.settings import load_settings

OWNERS = ["team:desk"]
_INTERVAL = timedelta(minutes=load_settings().sync_interval_minutes)
_LONGEST_CLOSURE = timedelta(days=5)
"""Longer than any row of weekends and holidays, so that only real silence fails."""

TICKING = dg.FreshnessPolicy.time_window(fail_window=4 * _INTERVAL, warn_window=2 * _INTERVAL)
TRADING = dg.FreshnessPolicy.time_window(fail_window=_LONGEST_CLOSURE)
"""Some account trades, and some price moves, within the longest closure of the exchange."""

ticks = dg.AssetSpec(
    "ticks",
    group_name="books",
    kinds={"api"},
    owners=OWNERS,
    freshness_policy=TICKING,
    description="Every tick, whether or not it changed anything: stale where syncs have stopped. "
    "Its figures are observations of order_book.",
)


def ticked(tick_id: str, status: str, accounts: int) -> dg.AssetMaterialization:
    """Record that a tick was.

    Args:
        tick_id: The tick.
        status: What it came to.
        accounts: How many it looked at.

    Returns:
        The event.
    """
    figures: dict[str, str | int] = {"tick_id": tick_id, "status": status, "accounts": accounts}
    return dg.AssetMaterialization(ticks.key, metadata=figures)
