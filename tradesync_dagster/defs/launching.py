"""Runs as processes of the code server, and whether they still live.

For a code server at a port, as in deploy/compose.yaml: named in ``deploy/dagster.postgres.yaml``.
What belongs here: that one question; this is also the one place that uses these parts of Dagster,
which it calls private. What does not: what a run does.
"""

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value


class WatchedRunLauncher(dg.DefaultRunLauncher):
    """Dagster's own launcher, which also notices that a run ended with its code server.

    Without it such a run, of a container that was made anew say, counts as under way until its
    time is up, and no schedule starts the next one before.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Have run monitoring ask."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Ask the code server at the run's address whether it has the run's process.

        Args:
            run: Under way, as far as is known.

        Returns:
            That it runs, also where nobody answers: run monitoring ends all others at once, and a
            code server that starts again takes its time.
        """
        client = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]
        if client is None:
            return CheckRunHealthResult(
                WorkerStatus.RUNNING, "it ended just now, or has no address"
            )
        try:
            told = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id))
        except DagsterUserCodeUnreachableError as error:
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"nobody answers: {error}")
        if deserialize_value(told, CanCancelExecutionResult).can_cancel:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(
            WorkerStatus.FAILED, "its process ended together with the code server of that time"
        )
