"""What runs of the assets record: ticks, single accounts, ranges."""

from collections.abc import Callable
from typing import Any, cast

import dagster as dg
import pytest

from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.defs import recording
from tradesync_dagster.defs.assets import sync_accounts
from tradesync_dagster.defs.checks import books_complete
from tradesync_dagster.defs.partitions import accounts
from tradesync_dagster.domain.results import ASSETS

KEYS = ["DESK/A", "DESK/B", "DESK/C"]
Call = Callable[..., dg.ExecuteInProcessResult]


def partitions_of(result: dg.ExecuteInProcessResult, name: str) -> list[str | None]:
    found = [event.materialization for event in result.get_asset_materialization_events()]
    return [made.partition for made in found if made.asset_key == dg.AssetKey(name)]


def status(instance: dg.DagsterInstance, name: str) -> dict[str, str | None]:
    shown = instance.get_status_by_partition(dg.AssetKey(name), KEYS, accounts) or {}
    return {key: value and value.value for key, value in shown.items()}


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str | None, dg.AssetCheckEvaluation]:
    return {found.partition: found for found in result.get_asset_check_evaluations()}


def test_first_tick_records_every_account_so_that_none_is_shown_missing(
    services: Any, tick: Call
) -> None:
    services.changed = set()
    assert partitions_of(tick(services), "holdings") == KEYS
    assert partitions_of(tick(services), "holdings") == []


def test_tick_records_only_what_changed(services: Any, tick: Call) -> None:
    tick(services)
    services.changed = {"DESK/B"}
    result = tick(services)
    assert result.success
    assert services.asked == [KEYS, KEYS]
    assert {name: partitions_of(result, name) for name in ASSETS} == {
        name: ["DESK/B"] for name in ASSETS
    }
    assert list(evaluations(result)) == ["DESK/B"]


def test_tick_without_accounts_syncs_all(services: Any, tick: Call) -> None:
    tick(services, [])
    assert services.asked == [None]


def test_tick_survives_a_bad_account_and_tells_of_it(
    instance: dg.DagsterInstance, services: Any, tick: Call
) -> None:
    services.bad, services.half, services.open_ends = {"DESK/A"}, {"DESK/B"}, {"DESK/C"}
    result = tick(services)
    assert result.success
    assert partitions_of(result, "orders") == ["DESK/B", "DESK/C"]
    assert partitions_of(result, "holdings") == ["DESK/C"]
    found = evaluations(result)
    assert {key: (e.passed, e.severity.value) for key, e in found.items()} == {
        "DESK/A": (False, "ERROR"),
        "DESK/B": (False, "ERROR"),
        "DESK/C": (False, "WARN"),
    }
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert recording.latest_ticks(instance)[""].failed == ["DESK/A", "DESK/B"]
    assert run.tags[recording.TICK_ID] == "tick-1"


def test_tick_leaves_a_summary(services: Any, tick: Call) -> None:
    services.bad = {"DESK/A"}
    result = tick(services)
    (event,) = [e for e in result.all_events if e.event_type_value == "ASSET_OBSERVATION"]
    data = cast("Any", event.event_specific_data).asset_observation.metadata
    text = data["summary"].value
    figures = ("accounts | 3", "orders | 14", "external orders | 4", "positions | 6", "errors | 1")
    assert [figure for figure in figures if f"| {figure} |" not in text] == []
    assert "- DESK/A: ZERODHA orders: no answer" in text
    assert data["errors"].value == 1


def test_metadata_is_worth_looking_at(services: Any, tick: Call) -> None:
    result = tick(services, ["DESK/A"])
    made = [event.materialization for event in result.get_asset_materialization_events()]
    data = {m.asset_key.to_user_string(): m.metadata for m in made}
    assert data["order_book"]["orders"].value == 7
    assert data["positions"]["realised_pnl"].value == "-12.50"
    assert data["positions"]["unrealised_pnl"].value == "a price is missing"
    assert "| fetch | 0.200 |" in str(data["snapshots"]["seconds_by_step"].value)
    (row,) = cast("dg.TableMetadataValue", data["external_orders"]["orders_of_the_day"]).records
    assert row.data == services.external_orders("DESK/A")[0]
    floats = {
        name
        for metadata in data.values()
        for name, value in metadata.items()
        if isinstance(value, dg.FloatMetadataValue)
    }
    assert floats == {"seconds"}


def test_the_run_of_any_sync_is_found_by_its_id(
    instance: dg.DagsterInstance, services: Any, one: Call
) -> None:
    services.bad = {"DESK/B"}
    for number, key in enumerate(("DESK/A", "DESK/B"), start=1):
        run = instance.get_run_by_id(one(services, key).run_id)
        assert run is not None
        assert services.runs[-1] == run.run_id, "the account's page leads to it"
        assert run.tags[recording.TICK_ID] == f"tick-{number}"
        assert recording.KIND not in run.tags, "no tick"


def test_one_partition_records_all_assets(services: Any, one: Call) -> None:
    services.changed = set()
    result = one(services, "DESK/B")
    assert result.success
    assert services.asked == [["DESK/B"]]
    assert all(partitions_of(result, name) == ["DESK/B"] for name in ASSETS)
    assert evaluations(result)["DESK/B"].passed


def test_some_assets_of_one_partition(instance: dg.DagsterInstance, services: Any) -> None:
    result = dg.materialize(
        [sync_accounts], selection=["orders"], partition_key="DESK/A",
        instance=instance, resources={"services": services},
    )  # fmt: skip
    made = [event.materialization for event in result.get_asset_materialization_events()]
    assert [(m.asset_key.to_user_string(), m.partition) for m in made] == [("orders", "DESK/A")]


def test_range_with_one_bad_account(instance: dg.DagsterInstance, services: Any) -> None:
    services.bad = {"DESK/B"}
    job = build_definitions({"services": services}).resolve_job_def("sync_job")
    tags = {"dagster/asset_partition_range_start": KEYS[0],
            "dagster/asset_partition_range_end": KEYS[-1]}  # fmt: skip
    result = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
    assert not result.success
    assert services.asked == [KEYS]
    for name in ASSETS:
        assert status(instance, name) == {
            "DESK/A": "MATERIALIZED",
            "DESK/B": "FAILED",
            "DESK/C": "MATERIALIZED",
        }
    assert "DESK/B: ZERODHA orders: no answer" in str(result.filter_events(lambda e: e.is_failure))


def test_a_failed_partition_clears_with_its_next_good_tick(
    instance: dg.DagsterInstance, services: Any, tick: Call, one: Call
) -> None:
    services.bad, services.changed = {"DESK/A"}, set()
    assert not one(services, "DESK/A").success
    assert recording.shown_failed(instance, KEYS) == {"DESK/A": frozenset(ASSETS)}
    tick(services)
    assert recording.shown_failed(instance, KEYS) == {"DESK/A": frozenset(ASSETS)}
    services.bad = set()
    tick(services)
    assert recording.shown_failed(instance, KEYS) == {}
    assert partitions_of(tick(services), "orders") == []


def test_a_check_clears_although_nothing_changed(services: Any, tick: Call) -> None:
    services.changed, services.open_ends = set(), {"DESK/C"}
    assert not evaluations(tick(services))["DESK/C"].passed
    services.open_ends = set()
    found = evaluations(tick(services))
    assert {key: answer.passed for key, answer in found.items()} == {"DESK/C": True}
    assert evaluations(tick(services)) == {}


def test_the_checks_page_shows_every_account(services: Any, tick: Call, answers_shown: Any) -> None:
    services.open_ends = {"DESK/C"}
    tick(services)
    assert answers_shown(books_complete) == {
        "SUCCEEDED": {"DESK/A", "DESK/B"},
        "FAILED": {"DESK/C"},
    }
    services.open_ends, services.changed = set(), {"DESK/A"}
    tick(services)
    assert answers_shown(books_complete) == {"SUCCEEDED": {"DESK/A", "DESK/B", "DESK/C"}}


def test_a_tick_that_outlasts_its_interval_says_by_how_much(
    services: Any, tick: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    services.seconds = 372.0
    result = tick(services)
    (seen,) = result.asset_observations_for_node("sync_accounts")
    assert seen.metadata["overrun_seconds"].value == 72.0
    assert seen.metadata["seconds_fetch"].value == 0.2
    assert seen.metadata["accounts_success"].value == 3
    assert "72 s longer than the 300 s" in str(seen.metadata["summary"].value)
    assert "72 s longer than the 300 s" in capsys.readouterr().err
    services.seconds = 1.0
    tick(services)
    assert "longer than" not in capsys.readouterr().err


def test_a_tick_records_so_many_accounts_and_leaves_the_others_to_the_next(
    services: Any, tick: Call, monkeypatch: pytest.MonkeyPatch, instance: dg.DagsterInstance
) -> None:
    monkeypatch.setattr(recording, "MOST_RECORDED", 2)
    recorded = []
    for changed in ({"DESK/A", "DESK/B", "DESK/C"}, {"DESK/A", "DESK/B"}, set(), set()):
        services.changed = changed
        found = tick(services).get_asset_materialization_events()
        recorded.append({event.materialization.partition for event in found})
    # Who was left comes first, and who is left then comes next; then there is nothing to say.
    assert recorded == [{"DESK/A", "DESK/B"}, {"DESK/C", "DESK/A"}, {"DESK/B"}, set()]
    assert recording.latest_ticks(instance)[""].left == []
