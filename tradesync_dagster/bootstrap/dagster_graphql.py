"""The Dagster that is up, over its GraphQL.

Plain HTTP, since only the Dagster face imports dagster. What belongs here: launching a job and
following its run, switching a sensor on and off, for the command line and the API. What does not:
what is launched, or what the one who asked may do about a failure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import orjson

from tradesync_dagster.domain.errors import ConfigurationError, TradesyncError

ENDED: Final = frozenset({"SUCCESS", "FAILURE", "CANCELED"})
_SECONDS = 60.0

_JOBS = """
query { repositoriesOrError {
  __typename
  ... on RepositoryConnection { nodes { name location { name } jobs { name } } }
  ... on PythonError { message }
} }
"""
_LAUNCH = """
mutation Launch($execution: ExecutionParams!) { launchRun(executionParams: $execution) {
  __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on RunConfigValidationInvalid { errors { message } }
  ... on UnauthorizedError { message }
  ... on PythonError { message }
} }
"""
_STATUS = """
query Status($run: ID!) { runOrError(runId: $run) {
  __typename
  ... on Run { status }
  ... on RunNotFoundError { message }
  ... on PythonError { message }
} }
"""
_FAILURES = """
query Failures($run: ID!) { logsForRun(runId: $run) {
  __typename
  ... on EventConnection { events {
    __typename
    ... on ExecutionStepFailureEvent {
      error { message causes { message } } failureMetadata { description }
    }
    ... on RunFailureEvent { message }
  } }
} }
"""
_SENSORS = """
query { repositoriesOrError {
  __typename
  ... on RepositoryConnection { nodes {
    name location { name }
    sensors { name sensorState { id status ticks(limit: 1) { timestamp } } }
  } }
  ... on PythonError { message }
} }
"""
_START_SENSOR = """
mutation Start($sensor: SensorSelector!) { startSensor(sensorSelector: $sensor) {
  __typename
  ... on SensorNotFoundError { message }
  ... on UnauthorizedError { message }
  ... on PythonError { message }
} }
"""
_STOP_SENSOR = """
mutation Stop($sensor: String!) { stopSensor(id: $sensor) {
  __typename
  ... on UnauthorizedError { message }
  ... on PythonError { message }
} }
"""
_DAEMONS = """
query { instance { __typename daemonHealth { allDaemonStatuses { daemonType healthy } } } }
"""
_ANSWERS = frozenset(
    {
        "RepositoryConnection", "LaunchRunSuccess", "Run", "EventConnection", "Sensor",
        "StopSensorMutationResult", "Instance",
    }
)  # fmt: skip
"""Answers that are no error."""


class DagsterAbsentError(ConfigurationError):
    """Nothing answers as Dagster does."""


class DagsterRefusedError(TradesyncError):
    """Dagster answered, and did not do what was asked."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor as Dagster has it.

    Attributes:
        running: Whether it is switched on.
        last_look: When it was last evaluated, UTC; ``None`` if never.
    """

    name: str
    repository: str
    location: str
    state_id: str
    running: bool
    last_look: datetime | None


class Dagster:
    """Asks one webserver."""

    def __init__(self, url: str, seconds: float = _SECONDS) -> None:
        """Keep the address.

        Args:
            url: Such as ``http://127.0.0.1:3000``.
            seconds: How long one answer may take.

        Raises:
            ConfigurationError: It is no address.
        """
        parts = _parts(url)
        self._url, self._seconds = url.rstrip("/"), seconds
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port
        self._path = parts.path.rstrip("/") + "/graphql"

    def launch(self, job: str, config: Mapping[str, Any]) -> str:
        """Launch one run.

        Args:
            job: Of the code location that has it.
            config: The run's configuration.

        Returns:
            The run's id.

        Raises:
            DagsterAbsentError: Dagster cannot be reached.
            ConfigurationError: It has no such job.
            DagsterRefusedError: It did not launch the run.
        """
        execution = {"selector": self._selector(job), "runConfigData": config}
        answer = self._ask(_LAUNCH, "launchRun", {"execution": execution})
        return str(answer["run"]["runId"])

    @property
    def url(self) -> str:
        """The address of its UI, without a slash at its end."""
        return self._url

    def page(self, run_id: str) -> str:
        """Return the address under which people see a run."""
        return f"{self._url}/runs/{run_id}"

    def status(self, run_id: str) -> str:
        """Return a run's status, such as ``STARTED``; one of ``ENDED`` at its end."""
        return str(self._ask(_STATUS, "runOrError", {"run": run_id})["status"])

    def reasons(self, run_id: str) -> list[str]:
        """Return why a run failed, in sentences."""
        events = self._ask(_FAILURES, "logsForRun", {"run": run_id})["events"]
        steps = [event for event in events if event["__typename"] == "ExecutionStepFailureEvent"]
        others = [e["message"] for e in events if e["__typename"] == "RunFailureEvent"]
        return [_reason(event) for event in steps] or others

    def sensor(self, name: str) -> Sensor:
        """Return a sensor's state.

        Raises:
            DagsterAbsentError: Dagster cannot be reached.
            ConfigurationError: It has no such sensor.
        """
        for found in self._ask(_SENSORS, "repositoriesOrError", {})["nodes"]:
            for one in found["sensors"]:
                if one["name"] == name:
                    return _sensor(one, found)
        raise ConfigurationError(f"the Dagster at {self._url} has no sensor {name}")

    def start_sensor(self, name: str) -> None:
        """Switch a sensor on; again changes nothing. Raises as ``sensor`` does."""
        found = self.sensor(name)
        selector = {
            "sensorName": name,
            "repositoryName": found.repository,
            "repositoryLocationName": found.location,
        }
        if not found.running:
            self._ask(_START_SENSOR, "startSensor", {"sensor": selector})

    def stop_sensor(self, name: str) -> None:
        """Switch a sensor off; runs under way go on. Raises as ``sensor`` does."""
        found = self.sensor(name)
        if found.running:
            self._ask(_STOP_SENSOR, "stopSensor", {"sensor": found.state_id})

    def sensors_are_watched(self) -> bool:
        """Whether the daemon that evaluates sensors is well."""
        return self._daemons().get("SENSOR", False)

    def queue_warning(self) -> str | None:
        """Say why runs would stay queued; ``None`` where they start, or do not queue at all."""
        starts = self._daemons().get("QUEUED_RUN_COORDINATOR", True)
        return None if starts else "the run is queued until Dagster's daemon is up (tradesync run)"

    def _daemons(self) -> dict[str, bool]:
        health = self._ask(_DAEMONS, "instance", {})["daemonHealth"]
        return {one["daemonType"]: bool(one["healthy"]) for one in health["allDaemonStatuses"]}

    def _selector(self, job: str) -> dict[str, str]:
        for found in self._ask(_JOBS, "repositoriesOrError", {})["nodes"]:
            if job in {one["name"] for one in found["jobs"]}:
                return {
                    "repositoryName": found["name"],
                    "repositoryLocationName": found["location"]["name"],
                    "jobName": job,
                }
        raise ConfigurationError(f"the Dagster at {self._url} has no job {job}")

    def _ask(self, query: str, field: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for one field, and return it unless it tells of an error."""
        body = orjson.dumps({"query": query, "variables": variables})
        answer = self._send(body)
        if answer.get("errors"):
            raise DagsterRefusedError(f"Dagster: {answer['errors'][0]['message']}")
        found: dict[str, Any] | None = (answer.get("data") or {}).get(field)
        if found is None:
            raise DagsterRefusedError(f"what answers at {self._url} told nothing of {field}")
        kind = found["__typename"]
        if kind not in _ANSWERS:
            said = found.get("message") or [error["message"] for error in found.get("errors", ())]
            raise DagsterRefusedError(f"Dagster answered {kind}: {said or 'nothing more'}")
        return found

    def _send(self, body: bytes) -> dict[str, Any]:
        kind = HTTPSConnection if self._secure else HTTPConnection
        try:
            connection = kind(self._host, self._port, timeout=self._seconds)
            try:
                connection.request("POST", self._path, body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                answer = orjson.loads(response.read())
            finally:
                connection.close()
        except (OSError, HTTPException, ValueError) as error:
            raise DagsterAbsentError(
                f"no Dagster answers at {self._url} ({type(error).__name__}): start it with "
                "tradesync run"
            ) from None
        if not isinstance(answer, dict):
            raise DagsterAbsentError(f"what answers at {self._url} is no Dagster")
        return answer


def _parts(url: str) -> SplitResult:
    """Take an address apart; what it may hold besides host and path is not repeated."""
    try:
        parts = urlsplit(url)
        well = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        well = well and not (parts.username or parts.password or parts.query or parts.fragment)
    except ValueError:
        well = False
    if not well:
        raise ConfigurationError(
            "--dagster-url is no address of a Dagster: http:// or https://, a host, and no user "
            "or question behind it"
        )
    return parts


def _sensor(found: Mapping[str, Any], repository: Mapping[str, Any]) -> Sensor:
    state = found["sensorState"]
    looks = [datetime.fromtimestamp(float(tick["timestamp"]), UTC) for tick in state["ticks"]]
    return Sensor(
        name=found["name"],
        repository=repository["name"],
        location=repository["location"]["name"],
        state_id=state["id"],
        running=state["status"] == "RUNNING",
        last_look=max(looks, default=None),
    )


def _reason(event: Mapping[str, Any]) -> str:
    described = (event.get("failureMetadata") or {}).get("description")
    error = event.get("error") or {}
    causes = [cause["message"] for cause in error.get("causes") or ()]
    said = described or (causes[-1] if causes else error.get("message")) or "the run failed"
    return str(said).strip()
