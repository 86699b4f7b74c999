"""Sensors' looks and runs, written to an instance as Dagster's daemon does."""

from typing import cast

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    SensorInstigatorData,
)

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.definitions import build_definitions

_WHERE = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "there")


def look(instance: dg.DagsterInstance, services: Services) -> list[dg.RunRequest]:
    """Evaluate the sensor of moderation as the daemon does."""
    repository = build_definitions({"services": services}).get_repository_def()
    with dg.build_sensor_context(
        instance=instance, repository_def=repository, resources={"services": services}
    ) as context:
        data = repository.get_sensor_def("due_moderation").evaluate_tick(context)
    assert data.run_requests or data.skip_message
    return list(data.run_requests or [])


def record(
    instance: dg.DagsterInstance, request: dg.RunRequest, status: dg.DagsterRunStatus
) -> str:
    """Note a run of what the sensor asked for, as the daemon does."""
    job = build_definitions().resolve_job_def("moderate_fake_orders")
    run = instance.create_run_for_job(
        job, tags=dict(request.tags), status=dg.DagsterRunStatus.NOT_STARTED,
        remote_job_origin=RemoteJobOrigin(_WHERE, job.name),
    )  # fmt: skip
    if status is dg.DagsterRunStatus.FAILURE:
        instance.report_run_failed(run)
    else:
        events = dg.DagsterEventType
        queued = status is dg.DagsterRunStatus.QUEUED
        kind = events.RUN_ENQUEUED if queued else events.RUN_START
        instance.report_dagster_event(dg.DagsterEvent(kind.value, run.job_name), run.run_id)
    return run.run_id


def switch_off(instance: dg.DagsterInstance, name: str) -> None:
    """Write what Dagster writes when somebody switches a sensor off."""
    instance.add_instigator_state(
        InstigatorState(
            RemoteInstigatorOrigin(_WHERE, name), InstigatorType.SENSOR, InstigatorStatus.STOPPED,
            SensorInstigatorData(min_interval=5),
        )
    )  # fmt: skip


def look_for_spikes(
    instance: dg.DagsterInstance, services: Services, cursor: str | None
) -> dg.SensorResult:
    """Evaluate that sensor as the daemon does, after a restart too: all it knows is its cursor."""
    repository = build_definitions({"services": services}).get_repository_def()
    with dg.build_sensor_context(
        instance=instance, cursor=cursor, repository_def=repository,
        resources={"services": services},
    ) as context:  # fmt: skip
        data = repository.get_sensor_def("external_order_spikes").evaluate_tick(context)
    assert not data.run_requests
    return cast("dg.SensorResult", data)
