"""A webserver that answers as Dagster's does to what tradesync asks of it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

JOBS = [
    {"name": "__repository__", "location": {"name": "other"}, "jobs": [{"name": "else"}]},
    {
        "name": "__repository__",
        "location": {"name": "ours"},
        "jobs": [
            {"name": "rebuild_history"},
            {"name": "sync_job"},
            {"name": "moderate_fake_orders"},
        ],
    },
]
SENSORS = ("due_moderation",)
LAUNCHED = {"__typename": "LaunchRunSuccess", "run": {"runId": "run-1"}}


@dataclass
class Dagster:
    """What it was asked, and what it answers to each field."""

    url: str = ""
    jobs: list[dict[str, Any]] = field(default_factory=lambda: list(JOBS))
    launched: dict[str, Any] = field(default_factory=lambda: dict(LAUNCHED))
    statuses: list[str] = field(default_factory=lambda: ["QUEUED", "STARTED", "SUCCESS"])
    events: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    raw: bytes | None = None
    running: bool = True
    looks_that_overwrite: int = 0
    starts_runs: bool = True
    looked_at: list[float] = field(default_factory=lambda: [1772463600.25])

    def answer(self, body: dict[str, Any]) -> bytes:
        if self.raw is not None:
            return self.raw
        variables = body["variables"]
        (name,) = [n for n in ("repositoriesOrError", "launchRun", "runOrError", "logsForRun",
                               "startSensor", "stopSensor", "instance {")
                   if n in body["query"]]  # fmt: skip
        name = name.removesuffix(" {")
        self.asked.append((name, variables))
        found: dict[str, Any] = {
            "repositoriesOrError": {
                "__typename": "RepositoryConnection",
                "nodes": [one | {"sensors": self._sensors(one)} for one in self.jobs],
            },
            "startSensor": {"__typename": "Sensor"},
            "stopSensor": {"__typename": "StopSensorMutationResult"},
            "instance": {
                "__typename": "Instance",
                "daemonHealth": {
                    "allDaemonStatuses": [
                        {"daemonType": "SENSOR", "healthy": self.running},
                        {"daemonType": "QUEUED_RUN_COORDINATOR", "healthy": self.starts_runs},
                    ]
                },
            },
            "launchRun": self.launched,
            "logsForRun": {"__typename": "EventConnection", "events": self.events},
        }
        if name == "runOrError":
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            found[name] = {"__typename": "Run", "status": status}
        if name in {"startSensor", "stopSensor"}:
            self.running = name == "startSensor" or self.looks_that_overwrite > 0
            self.looks_that_overwrite -= name == "stopSensor"
        return json.dumps({"data": {name: found[name]}}).encode()

    def _sensors(self, repository: dict[str, Any]) -> list[dict[str, Any]]:
        """Every repository's sensors; only ours has the ones that are asked for."""
        state = {
            "id": "state-1",
            "status": "RUNNING" if self.running else "STOPPED",
            "ticks": [{"timestamp": at} for at in self.looked_at],
        }
        names = SENSORS if repository["location"]["name"] == "ours" else ("elsewhere",)
        return [{"name": name, "sensorState": state} for name in names]

    @property
    def launches(self) -> list[dict[str, Any]]:
        return [v["execution"] for name, v in self.asked if name == "launchRun"]


@contextmanager
def answering_dagster() -> Iterator[Dagster]:
    """Answer on a port of its own."""
    made = Dagster()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/graphql"
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = made.answer(body)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        made.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
