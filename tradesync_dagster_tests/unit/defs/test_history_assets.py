"""What history runs ask of the services and record: by partitions, and by config."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context

from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.defs.history import NAMES, daily_books
from tradesync_dagster.defs.jobs import history_config
from tradesync_dagster.defs.partitions import (
    HISTORY_START,
    account_days,
    accounts,
    key_of,
    trading_day_partitions,
)
from tradesync_dagster.domain.market_calendar import IST, known_until
from tradesync_dagster.domain.trading_hours import TradingHours, read_sessions

KEYS = ["DESK/A", "DESK/B", "DESK/C"]
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (date(2026, 3, n) for n in range(2, 7))
"""The Tuesday is Holi."""
BEFORE = date(2026, 2, 27)


def recorded(result: dg.ExecuteInProcessResult) -> list[tuple[str, str | None]]:
    made = [event.materialization for event in result.get_asset_materialization_events()]
    return [(m.asset_key.to_user_string(), m.partition) for m in made]


def metadata(result: dg.ExecuteInProcessResult, name: str, key: str) -> dict[str, Any]:
    made = [event.materialization for event in result.get_asset_materialization_events()]
    (found,) = [m for m in made if (m.asset_key, m.partition) == (dg.AssetKey(name), key)]
    return {name: value.value for name, value in found.metadata.items()}


def shown(instance: dg.DagsterInstance, name: str, days: Sequence[date]) -> dict[str, str | None]:
    keys = [str(key_of(account, day)) for account in KEYS for day in days]
    found = instance.get_status_by_partition(dg.AssetKey(name), keys, account_days) or {}
    return {key: value and value.value for key, value in found.items()}


def by_range(
    instance: dg.DagsterInstance, services: Any, first: str, last: str, **more: Any
) -> dg.ExecuteInProcessResult:
    """Run the assets as the backfill daemon does."""
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    return dg.materialize(
        [daily_books], instance=instance, resources={"services": services}, tags=tags, **more
    )


def by_config(
    instance: dg.DagsterInstance, services: Any, keys: Sequence[str], since: date, until: date,
    *, rebuild: bool = True,
) -> dg.ExecuteInProcessResult:  # fmt: skip
    job = build_definitions({"services": services}).resolve_job_def("rebuild_history")
    config = history_config(keys, since, until, rebuild=rebuild)
    return job.execute_in_process(instance=instance, run_config=config, raise_on_error=False)


def reason(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [e for e in result.all_events if e.is_step_failure]
    data = event.step_failure_data
    described = data.user_failure_data.description if data.user_failure_data else None
    return described or data.error_display_string


def test_days_are_the_exchanges_trading_days() -> None:
    start = date(2024, 1, 1)
    now = datetime.combine(known_until() + timedelta(days=30), datetime.min.time(), IST)
    keys = list(trading_day_partitions(start, TradingHours()).get_partition_keys(current_time=now))
    assert keys == [
        day.isoformat() for day in TradingHours().trading_days(start, date.fromisoformat(keys[-1]))
    ]
    assert "2024-01-26" not in keys
    assert "2024-01-20" in keys, "a Saturday with a session"
    assert len(keys) > 700


@pytest.mark.parametrize(
    ("now", "last"),
    [
        (datetime(2026, 3, 5, 18, 30, tzinfo=UTC), FRIDAY),  # its first minute in India
        (datetime(2026, 3, 6, 11, 0, tzinfo=UTC), FRIDAY),
        (datetime(2026, 3, 2, 11, 0, tzinfo=UTC), MONDAY),
    ],
)
def test_a_day_is_there_from_its_first_minute(now: datetime, last: date) -> None:
    days = trading_day_partitions(date(2026, 1, 1), TradingHours())
    assert days.get_partition_keys(current_time=now)[-1] == last.isoformat()


def test_special_sessions_are_days_and_closed_days_are_none() -> None:
    hours = read_sessions("2026-03-07 10:00-12:30, 2026-03-04 closed")  # a Saturday, a Wednesday
    days = trading_day_partitions(date(2026, 3, 2), hours)
    keys = days.get_partition_keys(current_time=datetime(2026, 3, 9, 11, 0, tzinfo=UTC))
    assert [key[-2:] for key in keys] == ["02", "05", "06", "07", "09"]
    early = days.get_partition_keys(current_time=datetime(2026, 3, 6, 20, 0, tzinfo=UTC))
    assert early[-1] == "2026-03-07", "from its first minute in India"


def test_a_range_of_partitions_is_one_pass(instance: dg.DagsterInstance, services: Any) -> None:
    result = by_range(instance, services, key_of("DESK/A", MONDAY), key_of("DESK/B", THURSDAY))
    assert result.success
    assert services.rebuilt == [(KEYS[:2], MONDAY)]
    assert services.followed == [(KEYS[:2], BEFORE, THURSDAY)]
    assert services.marked == [([], BEFORE + timedelta(days=1), THURSDAY)]
    days = [MONDAY, WEDNESDAY, THURSDAY]
    cells = [str(key_of(account, day)) for account in KEYS[:2] for day in days]
    assert cells[0] == "DESK/A|2026-03-02"
    assert recorded(result) == [(name, key) for key in cells for name in NAMES]
    for name in NAMES:
        states = shown(instance, name, days)
        assert {key for key, state in states.items() if state == "MATERIALIZED"} == set(cells)
        assert {key for key, state in states.items() if state is None} == states.keys() - set(cells)


def test_one_partition_of_one_asset(instance: dg.DagsterInstance, services: Any) -> None:
    result = dg.materialize(
        [daily_books], selection=["daily_holdings"], partition_key=key_of("DESK/C", FRIDAY),
        instance=instance, resources={"services": services},
    )  # fmt: skip
    assert recorded(result) == [("daily_holdings", "DESK/C|2026-03-06")]
    assert services.rebuilt == [(["DESK/C"], FRIDAY)]
    assert services.marked == []  # the other asset's day is still as it was


def test_any_set_of_accounts_is_one_run_by_config(
    instance: dg.DagsterInstance, services: Any
) -> None:
    result = by_config(instance, services, ["DESK/C", "DESK/A"], MONDAY, WEDNESDAY)
    assert result.success
    assert services.rebuilt == [(["DESK/C", "DESK/A"], MONDAY)]
    cells = [key_of(key, day) for key in ("DESK/C", "DESK/A") for day in (MONDAY, WEDNESDAY)]
    assert recorded(result) == [(name, key) for key in cells for name in NAMES]
    planned = [e for e in result.all_events if e.event_type_value.endswith("PLANNED")]
    assert planned == []
    assert shown(instance, "daily_positions", [WEDNESDAY])["DESK/B|2026-03-04"] is None


def test_without_accounts_all_enabled_ones_until_today(
    instance: dg.DagsterInstance, services: Any
) -> None:
    job = build_definitions({"services": services}).resolve_job_def("rebuild_history")
    config = {"ops": {"rebuild_days": {"config": {"since": "2026-03-05"}}}}
    result = job.execute_in_process(instance=instance, run_config=config)
    cells = [str(key_of(key, day)) for key in KEYS for day in (THURSDAY, FRIDAY)]
    assert [key for name, key in recorded(result) if name == "daily_positions"] == cells


def test_recording_alone_makes_nothing_anew(instance: dg.DagsterInstance, services: Any) -> None:
    result = by_config(instance, services, KEYS, FRIDAY, FRIDAY, rebuild=False)
    assert services.rebuilt == []
    assert len(recorded(result)) == 6


def test_figures_of_the_day_leave_out_what_was_earned_before(
    instance: dg.DagsterInstance, services: Any
) -> None:
    result = by_config(instance, services, ["DESK/A"], WEDNESDAY, FRIDAY)
    figures = metadata(result, "daily_positions", "DESK/A|2026-03-05")
    (product,) = figures.pop("by_product").records
    assert product.data == {
        "product": "CNC", "positions": 5, "holdings": 105, "realised": "1.00",
        "realised_total": "3.00", "unrealised": "-1.25",
        "exposure": "1180591620717411.303424", "unpriced": 0,
    }  # fmt: skip
    assert figures == {
        "open_positions": 5,
        "account_realised": "1.00",
        "account_realised_total": "3.00",
        "account_unrealised": "-1.25",
        "account_equity": "1.75",
        "account_exposure": "1180591620717411.303424",
        "account_unpriced": 0,
        "plot_equity": 1.75,
        "plot_exposure": 1180591620717411.2,
    }
    holdings = metadata(result, "daily_holdings", "DESK/A|2026-03-05")
    assert holdings["holdings"] == 105
    assert {name for name, value in holdings.items() if isinstance(value, float)} == {
        "plot_equity", "plot_exposure",
    }  # fmt: skip


def test_an_account_that_never_traded_has_empty_days(
    instance: dg.DagsterInstance, services: Any
) -> None:
    services.idle = {"DESK/B"}
    result = by_config(instance, services, KEYS, FRIDAY, FRIDAY)
    assert metadata(result, "daily_positions", "DESK/B|2026-03-06")["open_positions"] == 0
    assert metadata(result, "daily_positions", "DESK/B|2026-03-06")["account_equity"] == "0.00"
    assert metadata(result, "daily_positions", "DESK/C|2026-03-06")["open_positions"] == 6


def test_a_day_to_come_is_not_recorded(instance: dg.DagsterInstance, services: Any) -> None:
    monday = FRIDAY + timedelta(days=3)
    result = by_range(instance, services, key_of("DESK/A", FRIDAY), key_of("DESK/A", monday))
    assert [key for _, key in recorded(result)] == ["DESK/A|2026-03-06"] * 2
    assert services.followed[0][2] == FRIDAY
    result = by_config(instance, services, KEYS, monday, monday)
    assert not result.success
    assert "has begun" in reason(result)
    assert len(services.followed) == 1


@pytest.mark.parametrize(
    ("since", "until", "sentence"),
    [
        (HISTORY_START - timedelta(days=1), FRIDAY, "TRADESYNC_HISTORY_START"),
        (TUESDAY, TUESDAY, "none of these days is a trading day"),
        (FRIDAY, MONDAY, "none of these days is a trading day"),
    ],
)
def test_days_that_cannot_be_recorded_are_refused(
    instance: dg.DagsterInstance, services: Any, since: date, until: date, sentence: str
) -> None:
    result = by_config(instance, services, KEYS, since, until)
    assert sentence in reason(result)
    assert services.rebuilt == []


def test_a_backfill_that_fails_shows_its_partitions_failed(
    instance: dg.DagsterInstance, services: Any
) -> None:
    services.error = "the books cannot be reached"
    first, last = key_of("DESK/A", MONDAY), key_of("DESK/A", WEDNESDAY)
    assert not by_range(instance, services, first, last, raise_on_error=False).success
    states = shown(instance, "daily_holdings", [MONDAY, WEDNESDAY])
    assert states["DESK/A|2026-03-02"] == states["DESK/A|2026-03-04"] == "FAILED"
    assert states["DESK/B|2026-03-02"] is None


def test_an_account_and_a_year_from_the_dialog_is_one_run(instance: dg.DagsterInstance) -> None:
    """Holds Dagster to what docs/decisions/0003 says of its backfill daemon."""
    days = TradingHours().trading_days(date(2025, 1, 1), date(2025, 12, 31))

    def runs(keys: Sequence[str]) -> int:
        cells = [key_of(key, day) for key in keys for day in days]
        with partition_loading_context(dynamic_partitions_store=instance):
            subset = account_days.subset_with_partition_keys(cells)
            return len(subset.get_partition_key_ranges(account_days))

    assert runs(KEYS[:1]) == 1
    assert runs(KEYS) == 3


def test_a_day_depends_on_its_account_alone() -> None:
    graph = build_definitions().get_repository_def().asset_graph
    for name, parent in (("daily_positions", "positions"), ("daily_holdings", "holdings")):
        (spec,) = [s for s in daily_books.specs if s.key == dg.AssetKey(name)]
        (dep,) = spec.deps
        assert dep.asset_key == dg.AssetKey(parent)
        mapping = cast("dg.MultiToSingleDimensionPartitionMapping", dep.partition_mapping)
        assert mapping.partition_dimension_name == "account"
        assert graph.get(dg.AssetKey(parent)).partitions_def == accounts
