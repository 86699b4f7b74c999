"""Freshness as Dagster's own daemon judges it, and what every tick records for it."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.definitions.freshness_evaluator import FRESHNESS_EVALUATORS_BY_POLICY_TYPE
from dagster._core.loader import LoadingContext
from dagster._time import get_current_timestamp

from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.defs.jobs import config_for
from tradesync_dagster.defs.schedules import TICK_TAGS
from tradesync_dagster.defs.upkeep import ticks

KEYS = ["DESK/A", "DESK/B", "DESK/C"]


class Context(LoadingContext):
    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance, self._loaders = instance, {}

    @property
    def instance(self) -> dg.DagsterInstance:
        return self._instance

    @property
    def loaders(self) -> Any:
        return self._loaders


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Let the daemon's clock show another time."""
    module = "dagster._core.definitions.freshness_evaluator.get_current_timestamp"

    def move(minutes: float) -> None:
        now = get_current_timestamp() + 60 * minutes
        monkeypatch.setattr(module, lambda: now)

    return move  # type: ignore[return-value]


def state(instance: dg.DagsterInstance) -> FreshnessState:
    node = build_definitions().get_repository_def().asset_graph.get(ticks.key)
    evaluator = FRESHNESS_EVALUATORS_BY_POLICY_TYPE[type(node.freshness_policy)]()
    return asyncio.run(evaluator.evaluate_freshness(Context(instance), node))


def run(instance: dg.DagsterInstance, services: Any, tags: dict[str, str]) -> None:
    job = build_definitions({"services": services}).resolve_job_def("sync_job")
    job.execute_in_process(run_config=config_for(KEYS), instance=instance, tags=tags)


def test_ticks_are_fresh_while_they_go_on_even_when_nothing_changes(
    instance: dg.DagsterInstance, services: Any, later: Any
) -> None:
    assert state(instance) is FreshnessState.UNKNOWN
    services.changed = set()
    run(instance, services, TICK_TAGS)
    assert state(instance) is FreshnessState.PASS
    later(11)
    assert state(instance) is FreshnessState.WARN
    later(21)
    assert state(instance) is FreshnessState.FAIL
    run(instance, services, {})
    recorded = instance.fetch_materializations(ticks.key, limit=5).records
    assert len(recorded) == 1, "a person's sync of some account is no tick"


def test_a_tick_records_what_it_came_to(instance: dg.DagsterInstance, services: Any) -> None:
    services.bad = {"DESK/B"}
    run(instance, services, TICK_TAGS)
    event = instance.get_latest_materialization_event(ticks.key)
    assert event is not None
    assert event.asset_materialization is not None
    figures = {name: one.value for name, one in event.asset_materialization.metadata.items()}
    assert figures == {"tick_id": "tick-1", "status": "partial_success", "accounts": 3}
    assert datetime.fromtimestamp(event.timestamp, UTC)
