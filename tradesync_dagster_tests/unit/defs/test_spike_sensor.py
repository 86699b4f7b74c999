"""The sensor for spikes on an instance of its own: once a spike, an ending, restarts, few words."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.defs.partitions import ACCOUNTS
from tradesync_dagster.domain.spikes import Activity
from tradesync_dagster.domain.trading_hours import TradingHours
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.clocks import MovingClock
from tradesync_dagster_tests.support.dagster_looks import look_for_spikes
from tradesync_dagster_tests.support.laid_books import lay
from tradesync_dagster_tests.support.store_frames import stored
from tradesync_dagster_tests.support.store_rows import accounts

TODAY = date(2026, 11, 19)
TEN = datetime(2026, 11, 19, 4, 40, tzinfo=UTC)
"""10:10 IST."""
HISTORY = TradingHours().trading_days(TODAY - timedelta(days=60), TODAY - timedelta(days=1))


class CountedStore(SqlStore):
    """Real books, in which external orders are only counted."""

    counts: dict[tuple[date, int], int]

    def activities(self, since: date, lately: datetime, minimum: int) -> list[Activity]:
        return [Activity(1, "ORG/A1", HISTORY[0], self.counts)]


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    engine = lay(f"sqlite:///{tmp_path}/books.sqlite3")
    settings = Settings(home=tmp_path, _env_file=None)
    store = CountedStore(engine, settings.cipher())
    store.counts = {(day, 10): 2 for day in HISTORY}
    store.put_accounts(accounts())
    yield Services(settings, store, MovingClock(TEN))
    engine.dispose()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        made.add_dynamic_partitions(ACCOUNTS, ["ORG/A1"])
        yield made


def seen(services: Services, hour: int, count: int, minutes: int = 0) -> None:
    services.store.counts[TODAY, hour] = count  # type: ignore[attr-defined]
    services.clock.moment += timedelta(minutes=minutes)  # type: ignore[attr-defined]


def alerts(services: Services) -> list[str]:
    return [row["routing_key"] for row in stored(services.store, "outbox")]


def test_a_spike_is_told_once_and_its_end_too(
    instance: dg.DagsterInstance, services: Services
) -> None:
    quiet = look_for_spikes(instance, services, None)
    assert (quiet.cursor, quiet.asset_events) == ("[]", [])
    assert quiet.skip_message == "1 accounts with many external orders: 0 spikes, 0 began, 0 ended."
    seen(services, 10, 8)
    begun = look_for_spikes(instance, services, quiet.cursor)
    assert begun.skip_message == "1 accounts with many external orders: 1 spikes, 1 began, 0 ended."
    [event] = begun.asset_events
    assert (event.asset_key.to_user_string(), event.partition) == ("external_orders", "ORG/A1")
    figures = {name: value.value for name, value in event.metadata.items()}
    assert (figures["spike"], figures["orders_in_an_hour"]) == ("began", 8)
    assert (figures["usual"], figures["threshold"]) == (2.0, 8)
    seen(services, 10, 20, minutes=30)
    on = look_for_spikes(instance, services, begun.cursor)
    assert (on.asset_events, len(alerts(services))) == ([], 1)
    assert on.cursor != begun.cursor, "the peak is kept"
    seen(services, 11, 1, minutes=40)
    over = look_for_spikes(instance, services, on.cursor)
    assert over.cursor == "[]"
    assert [event.metadata["orders_in_an_hour"].value for event in over.asset_events] == [20]
    assert alerts(services) == ["account.A1.external_order_spike"] * 2
    assert look_for_spikes(instance, services, over.cursor).asset_events == []


def test_a_cursor_that_was_not_kept_tells_nothing_twice(
    instance: dg.DagsterInstance, services: Services
) -> None:
    seen(services, 10, 8)
    first = look_for_spikes(instance, services, None)
    seen(services, 10, 8, minutes=1)
    again = look_for_spikes(instance, services, None)
    assert again.cursor == first.cursor
    assert len(alerts(services)) == 1


def test_an_account_that_is_gone_stops_nothing(
    instance: dg.DagsterInstance, services: Services
) -> None:
    seen(services, 10, 8)
    cursor = str(look_for_spikes(instance, services, None).cursor).replace(
        '"account_id": 1', '"account_id": 9'
    )
    seen(services, 12, 0, minutes=180)
    assert look_for_spikes(instance, services, cursor).cursor == "[]"
    assert len(alerts(services)) == 1


def test_its_events_are_recorded_by_account(
    instance: dg.DagsterInstance, services: Services
) -> None:
    seen(services, 10, 8)
    [event] = look_for_spikes(instance, services, None).asset_events
    instance.report_runless_asset_event(event)
    wanted = dg.AssetRecordsFilter(
        asset_key=dg.AssetKey("external_orders"), asset_partitions=["ORG/A1"]
    )
    [record] = instance.fetch_observations(wanted, limit=5).records
    assert record.partition_key == "ORG/A1"
