"""What an audit records: one answer an account, which Dagster takes for current."""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg
import pytest

from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.defs.checks import books_replay
from tradesync_dagster.sync.history import Replay

Look = Callable[[dg.AssetCheckSpec], dict[str, set[str]]]
KEYS = ["DESK/A", "DESK/B", "DESK/C"]
LINES = ("stored lot that the fills do not give: (1, 'INFY')", "lot that is not stored: (2, 'ITC')")


def audit(
    instance: dg.DagsterInstance, services: Any, keys: Sequence[str] = (), **more: Any
) -> dg.ExecuteInProcessResult:
    job = build_definitions({"services": services}).resolve_job_def("audit_books")
    config = {"ops": {"replay_books": {"config": {"accounts": list(keys)}}}}
    return job.execute_in_process(instance=instance, run_config=config, **more)


def answers(result: dg.ExecuteInProcessResult) -> dict[str | None, dg.AssetCheckEvaluation]:
    return {found.partition: found for found in result.get_asset_check_evaluations()}


def materialize(instance: dg.DagsterInstance, key: str) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization("positions", partition=key))


def test_one_run_answers_for_all_enabled_accounts(
    instance: dg.DagsterInstance, services: Any
) -> None:
    services.replays = {"DESK/B": Replay(9, LINES, 21, stale=False)}
    result = audit(instance, services)
    assert result.success
    assert services.replayed == [KEYS]
    found = answers(result)
    assert {key: answer.passed for key, answer in found.items()} == {
        "DESK/A": True, "DESK/B": False, "DESK/C": True,
    }  # fmt: skip
    wrong = found["DESK/B"]
    assert wrong.severity == dg.AssetCheckSeverity.ERROR
    assert wrong.description == "21 rows are not as 9 fills give them."
    assert {name: value.value for name, value in wrong.metadata.items()} == {
        "fills": 9,
        "differences": 21,
        "first_differences": f"- {LINES[0]}\n- {LINES[1]}",
    }
    assert "first_differences" not in found["DESK/A"].metadata


@pytest.mark.parametrize("count", [0, 3])
def test_stale_books_are_a_warning(instance: dg.DagsterInstance, services: Any, count: int) -> None:
    services.replays = {"DESK/A": Replay(9, LINES[:count], count, stale=True)}
    found = answers(audit(instance, services, ["DESK/A"]))
    assert list(found) == ["DESK/A"]
    assert not found["DESK/A"].passed
    assert found["DESK/A"].severity == dg.AssetCheckSeverity.WARN
    assert "wait to be made anew" in str(found["DESK/A"].description)


def test_the_answer_is_current_until_the_next_materialization(
    instance: dg.DagsterInstance, services: Any, answers_shown: Look
) -> None:
    for key in KEYS[:2]:
        materialize(instance, key)
    services.replays = {"DESK/B": Replay(9, LINES, 2, stale=False)}
    audit(instance, services)
    assert answers_shown(books_replay) == {"SUCCEEDED": {"DESK/A", "DESK/C"}, "FAILED": {"DESK/B"}}
    materialize(instance, "DESK/A")
    assert answers_shown(books_replay) == {"SUCCEEDED": {"DESK/C"}, "FAILED": {"DESK/B"}}
    services.replays = {}
    audit(instance, services)
    assert answers_shown(books_replay) == {"SUCCEEDED": set(KEYS)}


def test_partitions_of_a_run_are_what_it_replays(
    instance: dg.DagsterInstance, services: Any, answers_shown: Look
) -> None:
    tags = {"dagster/asset_partition_range_start": "DESK/B",
            "dagster/asset_partition_range_end": "DESK/C"}  # fmt: skip
    result = audit(instance, services, tags=tags)
    assert services.replayed == [["DESK/B", "DESK/C"]]
    assert list(answers(result)) == ["DESK/B", "DESK/C"]
    assert answers_shown(books_replay) == {"SUCCEEDED": {"DESK/B", "DESK/C"}}
