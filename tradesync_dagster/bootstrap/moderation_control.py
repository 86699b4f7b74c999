"""Switching the moderation of fake orders on and off in the Dagster that is up.

What belongs here: the names of its sensor and job, and their state beside the books' counts. What
does not: speaking to Dagster (``dagster_graphql``), what the sensor does (``defs.moderation``).
"""

import time
from dataclasses import dataclass
from typing import Any

from tradesync_dagster.bootstrap.dagster_graphql import Dagster, DagsterRefusedError
from tradesync_dagster.bootstrap.services import Services
from tradesync_dagster.domain.fake_orders import milliseconds

SENSOR = "due_moderation"
JOB = "moderate_fake_orders"
OP = "fake_orders"
_STOPS = 5
_SETTLED_SECONDS = 0.2
"""Longer than Dagster's daemon takes between reading a sensor's state and writing it."""


@dataclass(frozen=True, slots=True)
class ModerationControl:
    """The sensor and job of moderation."""

    services: Services
    dagster: Dagster

    def status(self, organization_id: str | None = None) -> dict[str, Any]:
        """Tell how moderation is, with pending orders of one organization or of all.

        Raises:
            DagsterAbsentError: Dagster cannot be reached.
        """
        sensor = self.dagster.sensor(SENSOR)
        return {
            "running": sensor.running,
            "thread_alive": self.dagster.sensors_are_watched(),
            **self.services.moderation().waiting(organization_id),
            "last_check": milliseconds(sensor.last_look),
        }

    def start(self) -> None:
        """Switch the sensor on; again changes nothing."""
        self.dagster.start_sensor(SENSOR)

    def stop(self) -> None:
        """Switch the sensor off; a run that waits sees it within seconds, and ends.

        A look of the sensor that ends at that moment may write the state that it had read before,
        so it is switched off until it stays so.

        Raises:
            DagsterAbsentError: Dagster cannot be reached.
            DagsterRefusedError: It does not stay off.
        """
        for _ in range(_STOPS):
            self.dagster.stop_sensor(SENSOR)
            time.sleep(_SETTLED_SECONDS)
            if not self.dagster.sensor(SENSOR).running:
                return
        raise DagsterRefusedError(
            f"Dagster's sensor {SENSOR} was switched off {_STOPS} times and is on; switch it off "
            "on Dagster's own page, under Automation"
        )

    def force_run(self, organization_id: str | None = None) -> dict[str, Any]:
        """Launch a run that moderates what is due now, of one organization or of all.

        Returns:
            ``status``, ``run_id``, ``url``, how many orders are due, and a ``warning`` where the
            run would stay queued.
        """
        warning = self.dagster.queue_warning()  # asked first: a failure launches nothing
        due = self.services.moderation().waiting(organization_id)["pending_due_now"]
        config = {"organization_id": organization_id or ""}
        run_id = self.dagster.launch(JOB, {"ops": {OP: {"config": config}}})
        return {
            "status": "success",
            "run_id": run_id,
            "url": self.dagster.page(run_id),
            "pending_due_now": due,
            "warning": warning,
        }
