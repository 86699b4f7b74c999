"""What Dagster watches in the books: accounts that suddenly have many more external orders.

What belongs here: the sensor, and how a spike reads in Dagster. What does not: what a spike is
(``domain.spikes``), counting and telling (``sync.spikes``).
"""

from collections.abc import Iterator

import dagster as dg

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.defs.desk_pages import account_link
from tradesync_dagster.domain.spikes import Spike, SpikeChanges


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Judges each account's external orders of this hour against the same hour of its "
    "own last trading days. A spike is told once when it begins and once when it is over: by an "
    "alert in the outbox, and by an observation of external_orders. Starts no runs.",
)
def external_order_spikes(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.SensorResult:
    """Look once; the cursor holds the spikes that are open."""
    look = services.watch_spikes(context.cursor)
    changes = look.changes
    for spike in changes.begun:
        context.log.warning("%s: %d external orders in an hour", spike.account, spike.count)
    seen = (
        f"{look.accounts} accounts with many external orders: {len(changes.open)} spikes, "
        f"{len(changes.begun)} began, {len(changes.ended)} ended."
    )
    return dg.SensorResult(
        skip_reason=seen, cursor=look.cursor, asset_events=list(_observations(changes))
    )


def _observations(changes: SpikeChanges) -> Iterator[dg.AssetObservation]:
    for state, spikes in (("began", changes.begun), ("ended", changes.ended)):
        for spike in spikes:
            yield dg.AssetObservation(
                "external_orders",
                partition=spike.account,
                description=f"A spike of external orders {state}.",
                metadata={"spike": state, **_figures(spike), **account_link(spike.account)},
            )


def _figures(spike: Spike) -> dict[str, dg.MetadataValue | int | str]:
    found: dict[str, dg.MetadataValue | int | str] = {
        "orders_in_an_hour": spike.count,
        "threshold": spike.baseline.threshold,
        "since": dg.MetadataValue.timestamp(spike.hour),
    }
    if spike.baseline.usual is not None:
        # A plot takes numbers only; it is a count, not money.
        found["usual"] = dg.MetadataValue.float(float(spike.baseline.usual))
    return found
