"""A spike through Dagster's sensor, from the exchange to people: told once begun, once over."""

from datetime import timedelta

import dagster as dg
from pydantic import SecretStr

from tradesync_dagster.defs.partitions import ACCOUNTS
from tradesync_dagster_tests.support.dagster_looks import look_for_spikes
from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.people import listening

KEY = "desk/SIM001"


def recorded(instance: dg.DagsterInstance) -> list[str]:
    """What the account's external_orders tell of spikes, oldest first."""
    wanted = dg.AssetRecordsFilter(dg.AssetKey("external_orders"), asset_partitions=[KEY])
    found = instance.fetch_observations(wanted, limit=9, ascending=True).records
    return [str(one.asset_observation.metadata["spike"].value) for one in found]  # type: ignore[union-attr]


def test_a_spike_is_told_to_people_once_begun_and_once_over(desk: Desk) -> None:
    with listening() as listener, dg.instance_for_test() as instance:
        told = desk.with_settings(
            notify_urls=SecretStr(listener.url()),
            external_order_spike_minimum=2,
            external_order_spike_factor=2,
        )
        instance.add_dynamic_partitions(ACCOUNTS, [KEY])
        cursor: str | None = None

        def minutes_later(minutes: int, orders: int = 0) -> list[str]:
            """Orders by hand, a sync, a look of the sensor, and the sync that tells of it."""
            nonlocal cursor
            desk.clock.move(timedelta(minutes=minutes))
            for _ in range(orders):
                desk.by_hand("BUY", 1)
            told.sync()
            found = look_for_spikes(instance, told.services, cursor)
            cursor = found.cursor
            for event in found.asset_events:
                instance.report_runless_asset_event(event)
            assert told.sync().publish_errors == ()
            return [line for line in listener.told() if "spike" in line]

        assert minutes_later(5, orders=3) == [], "the fourth without a history makes a spike"
        assert len(minutes_later(1, orders=2)) == 1
        assert len(minutes_later(1, orders=1)) == 1, "it goes on"
        assert len(minutes_later(90)) == 2
        begun, over = minutes_later(5)
        assert f"{KEY}: a spike of external orders began: up to 5 in an hour" in begun
        assert "is over" in over
        assert recorded(instance) == ["began", "ended"]
