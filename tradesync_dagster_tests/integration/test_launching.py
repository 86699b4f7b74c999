"""A run whose code server was killed: run monitoring ends it once another server is up."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.launcher.base import WorkerStatus
from dagster._core.test_utils import create_run_for_test
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration

from tradesync_dagster.defs.launching import WatchedRunLauncher
from tradesync_dagster_tests.support.ports import free_port
from tradesync_dagster_tests.support.servers import end

DEPLOYED = Path(__file__).resolve().parents[2] / "deploy" / "dagster.postgres.yaml"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    deployed = yaml.safe_load(DEPLOYED.read_text())
    config = {name: deployed[name] for name in ("run_launcher", "run_monitoring", "telemetry")}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config))
    with dg.DagsterInstance.from_config(str(tmp_path)) as opened:
        yield opened


@contextmanager
def code_server(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    module = "tradesync_dagster_tests.support.long_job"
    process = subprocess.Popen(
        [sys.executable, "-m", "dagster", "api", "grpc", "-m", module, "-p", str(port)],
        start_new_session=True,
    )
    try:
        yield process
    finally:
        end(process, signal.SIGKILL)


def until(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def answers(port: int) -> bool:
    asked = [sys.executable, "-m", "dagster", "api", "grpc-health-check", "-p", str(port)]
    return subprocess.run(asked, check=False, capture_output=True).returncode == 0


def test_a_run_that_ended_with_its_code_server_is_noticed(instance: dg.DagsterInstance) -> None:
    launcher = instance.run_launcher
    assert isinstance(launcher, WatchedRunLauncher)
    port = free_port()
    with ExitStack() as servers:
        first = servers.enter_context(code_server(port))
        until(lambda: answers(port))
        target = GrpcServerTarget(host="127.0.0.1", port=port, socket=None, location_name="long")
        workspace = servers.enter_context(WorkspaceProcessContext(instance, target))
        context = workspace.create_request_context()
        (repository,) = context.get_code_location("long").get_repositories().values()
        job = repository.get_full_job("long_job")
        run_id = create_run_for_test(
            instance,
            "long_job",
            remote_job_origin=job.get_remote_origin(),
            job_code_origin=job.get_python_origin(),
        ).run_id
        instance.launch_run(run_id, context)

        def run() -> dg.DagsterRun:
            found = instance.get_run_by_id(run_id)
            assert found is not None
            return found

        def watched() -> dg.DagsterRunStatus:
            errors = execute_run_monitoring_iteration(workspace, logging.getLogger(__name__))
            assert not [error for error in errors if error]
            return run().status

        until(lambda: run().status is dg.DagsterRunStatus.STARTED)
        assert watched() is dg.DagsterRunStatus.STARTED
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        assert watched() is dg.DagsterRunStatus.STARTED, "a server that starts again takes a moment"
        servers.enter_context(code_server(port))
        until(lambda: answers(port))
        assert launcher.check_run_worker_health(run()).status is WorkerStatus.FAILED
        assert watched() is dg.DagsterRunStatus.FAILURE
        assert launcher.check_run_worker_health(run()).status is WorkerStatus.RUNNING
