"""Whole days of the order monitor: its schedule asked each minute, its job, and one clock."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.defs.monitor import monitor_every_minute
from tradesync_dagster.domain.errors import PlacementRefusedError
from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.money import parse_price
from tradesync_dagster_tests.support.monitored import WatchedDesk, open_watched_desk
from tradesync_dagster_tests.support.trading import KEY

EVENING = datetime(2026, 11, 19, 16, 0, tzinfo=IST)
SPECIAL = "2026-11-20 09:15-13:00, 2026-11-21 09:15-12:30, 2026-11-23 18:00-19:15"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def asked(instance: dg.DagsterInstance, desk: WatchedDesk, at: datetime) -> dg.RunRequest | None:
    """Ask the schedule as Dagster does at a minute."""
    services = desk.at.desk.services
    with dg.build_schedule_context(
        instance=instance, resources={"services": services}, scheduled_execution_time=at
    ) as context:
        found = monitor_every_minute(context)
    return found if isinstance(found, dg.RunRequest) else None


def run(instance: dg.DagsterInstance, desk: WatchedDesk, request: dg.RunRequest) -> dict[str, Any]:
    """Run what the schedule asked for; return what it recorded of the orders."""
    job = build_definitions({"services": desk.at.desk.services}).resolve_job_def("monitor_orders")
    done = job.execute_in_process(run_config=request.run_config, instance=instance)
    assert done.success
    (event,) = [e for e in done.all_events if e.event_type_value == "ASSET_OBSERVATION"]
    seen = event.asset_observation_data.asset_observation
    assert seen.asset_key == dg.AssetKey("orders")
    return {name: value.value for name, value in seen.metadata.items()}


def live(instance: dg.DagsterInstance, desk: WatchedDesk, day: date) -> list[time]:
    """Live a day minute by minute, looking where the schedule asks for it at some of them.

    The schedule is asked wherever its answer may change, and every half hour.
    """
    due, was = [], False
    for minute in range(8 * 60, 20 * 60):
        at = datetime.combine(day, time(), IST) + timedelta(minutes=minute)
        now = desk.at.desk.services.monitoring().is_due(at)
        if now != was or minute % 30 == 0:
            assert (asked(instance, desk, at) is not None) == now
        if now:
            due.append(at.time())
            if not was or minute % 15 in (0, 1, 5, 6):
                desk.at_time(at.astimezone(UTC))
                desk.at.desk.step()
                assert desk.at.desk.services.monitoring().cycle().errors == {}
        was = now
    return due


@pytest.mark.parametrize(
    ("special", "day", "opens", "ends"),
    [
        ("", date(2026, 11, 20), time(9, 15), time(15, 50)),
        (SPECIAL, date(2026, 11, 20), time(9, 15), time(13, 20)),
        (SPECIAL, date(2026, 11, 21), time(9, 15), time(12, 50)),
        (SPECIAL, date(2026, 11, 23), time(18, 0), time(19, 35)),
    ],
    ids=["ordinary", "early-close", "saturday", "evening"],
)
def test_a_day_from_before_the_open_to_its_end(
    tmp_path: Path,
    instance: dg.DagsterInstance,
    special: str,
    day: date,
    opens: time,
    ends: time,
) -> None:
    only = ", ".join(part for part in special.split(", ") if part.startswith(str(day)))
    with open_watched_desk(f"sqlite:///{tmp_path}/books.sqlite3", tmp_path) as opened:
        closed = ", ".join(f"2026-11-{n} closed" for n in range(20, day.day))
        sessions = ", ".join(part for part in (only, closed) if part)
        desk = WatchedDesk(opened.at.with_settings(special_sessions=sessions))
        desk.at_time(EVENING.astimezone(UTC))
        waiting = desk.at.place(2, price=desk.at.price(96), amo=True, verify=False)
        desk.cycle()
        assert desk.row(waiting)["status"] == "amo"
        due = live(instance, desk, day)
        assert (due[0], due[-1]) == (opens, ends)
        assert len(due) == _minutes(opens, ends) + 1, "every minute of the session, once"
        shown = desk.row(waiting)
        path = [e["to"] for e in shown["events"] if e["kind"] == "status_changed"]
        assert path[-1] == "open", "it was followed from the open on"
        assert shown["status"] == "expired", "the broker never said what became of it"
        assert [b["kind"] for b in desk.at.desk.services.breaks(KEY)] == ["expired_without_word"]


def _minutes(since: time, until: time) -> int:
    return 60 * (until.hour - since.hour) + until.minute - since.minute


def test_on_a_holiday_nothing_is_asked_and_orders_wait(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    with open_watched_desk(f"sqlite:///{tmp_path}/books.sqlite3", tmp_path) as desk:
        desk.at_time(datetime(2026, 11, 23, 16, 0, tzinfo=IST).astimezone(UTC))
        waiting = desk.at.place(2, price=desk.at.price(96), amo=True, verify=False)
        desk.cycle()
        assert live(instance, desk, date(2026, 11, 24)) == [], "Guru Nanak Jayanti"
        assert desk.row(waiting)["status"] == "amo"
        off = WatchedDesk(desk.at.with_settings(order_monitor_enabled=False))
        assert live(instance, off, date(2026, 11, 25)) == []
        assert live(instance, desk, date(2026, 11, 25))[0] == time(9, 15)
        assert desk.row(waiting)["status"] == "expired"


def test_an_order_of_the_evening_before_counts_against_the_days_limits(tmp_path: Path) -> None:
    with open_watched_desk(f"sqlite:///{tmp_path}/books.sqlite3", tmp_path) as desk:
        desk.at_time(EVENING.astimezone(UTC))
        price = desk.at.price(96)
        waiting = desk.at.place(5, price=price, amo=True, verify=False)
        desk.at_time(EVENING.replace(day=20, hour=9, minute=16).astimezone(UTC))
        desk.cycle(later=1)
        shown = desk.row(waiting)
        assert (shown["status"], shown["trade_date"]) == ("amo", "2026-11-19")
        limits = desk.at.trading.set_limits(KEY, {"open_orders": 1}, "asha")
        with pytest.raises(PlacementRefusedError, match="1 orders are open"):
            desk.at.place(1, price=price)
        value = 17 * parse_price(price)  # the ten shares held, the order, and two more
        limits = replace(limits, open_orders=50, position_value=value)
        desk.at.trading.set_limits(KEY, asdict(limits), "asha")
        with pytest.raises(PlacementRefusedError, match="position"):
            desk.at.place(3, price=price)
        assert desk.at.place(2, price=price, verify=False).order.status.value == "pending_execution"


def test_a_cycle_is_recorded_and_cycles_never_overlap(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    with open_watched_desk(f"sqlite:///{tmp_path}/books.sqlite3", tmp_path) as desk:
        desk.at.resting()
        desk.at.place(verify=False)
        request = asked(instance, desk, desk.at.desk.clock.moment)
        assert request is not None
        seen = run(instance, desk, request)
        # Three orders: the one from before, filled by hand, and two of ours.
        assert (seen["orders_open"], seen["orders_executed"], seen["orders_failed"]) == (1, 2, 0)
        assert (seen["went_executed"], seen["accounts_watched"]) == (1, 1)
        assert (seen["errors"], seen["changed_by_hand"]) == (0, 0)
        assert 0 < seen["seconds_beyond_brokers"] <= seen["seconds"]
        job = build_definitions({"services": desk.at.desk.services}).resolve_job_def(
            "monitor_orders"
        )
        instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        assert asked(instance, desk, desk.at.desk.clock.moment) is None


def test_where_nothing_is_open_no_run_starts_and_nothing_is_lost(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    with open_watched_desk(f"sqlite:///{tmp_path}/books.sqlite3", tmp_path) as desk:
        clock = desk.at.desk.clock
        with dg.build_schedule_context(
            instance=instance,
            resources={"services": desk.at.desk.services},
            scheduled_execution_time=clock.moment,
        ) as context:
            found = monitor_every_minute(context)
        assert isinstance(found, dg.SkipReason)
        assert "No enabled account has an order" in str(found.skip_message)
        with desk.at.desk.services.store.look() as work:
            (beat,) = [one for one in work.heartbeats([1]) if one.service == "monitor"]
        assert beat.beat_at == clock.moment, "it is quiet, not dead"
        resting = desk.at.resting()
        request = asked(instance, desk, clock.moment)
        assert request is not None
        # All cycles of the day are missed, its clean-up too: the next session's first catches up.
        desk.at_time(datetime(2026, 11, 20, 9, 15, tzinfo=IST).astimezone(UTC))
        late = asked(instance, desk, clock.moment)
        assert late is not None
        assert run(instance, desk, late)["went_expired"] == 1
        assert desk.row(resting)["status"] == "expired"
        assert asked(instance, desk, clock.moment) is None
