"""A warm process that forks syncs and lets them be killed: ``python -m`` with a JSON argument.

Everything is imported once; a fork opens its own connections. Two syncs and their comparison then
take a fraction of a second. What belongs here: processes. What does not: what is compared.
"""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.store.engine import open_engine
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.crash_faults import faults_in
from tradesync_dagster_tests.support.crash_points import MUTANTS, Points, watch
from tradesync_dagster_tests.support.crash_scenes import (
    Found,
    Scene,
    Servers,
    listening,
    staged,
)
from tradesync_dagster_tests.support.desk import ExchangeClock

LATER = timedelta(minutes=5)
"""The tick after the one that was killed."""


def begin(work: Callable[[], str]) -> tuple[int, int]:
    """Run in a process of its own; return its id, and where it says what came of it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, reader
    code = 1
    try:
        os.close(reader)
        os.write(writer, work().encode())
        code = 0
    except BaseException:  # noqa: BLE001 - the parent says it
        os.write(writer, traceback.format_exc()[-3_000:].encode())
    finally:
        os._exit(code)


def end(child: int, reader: int) -> tuple[int, str]:
    """Wait for such a process; return its exit code (minus a signal), and what it said."""
    with os.fdopen(reader) as said:
        text = said.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


@dataclass
class Driver:
    """One scene, synced again and again."""

    scene: Scene
    channel: Any
    queue: str
    exchange: str
    mutant: str = ""

    def sync(self, fatal: int = 0, later: timedelta = timedelta(0)) -> tuple[int, list[str]]:
        """Sync in a process that is killed at a point; return its exit code and its points."""
        scene = self.scene
        moment = scene.moment + later

        def serve() -> str:
            scene.serve()
            return ""

        def work() -> str:
            if self.mutant:
                MUTANTS[self.mutant]()
            settings = scene.settings
            engine = open_engine(settings.books_url)
            points = Points(fatal)
            watch(points, engine, self.exchange)
            store = SqlStore(engine, settings.cipher())
            clock = ExchangeClock(scene.url, moment)
            clock.move(timedelta(0))
            summary = Services(settings, store, clock).sync()
            if summary.status != "success":
                raise AssertionError(summary)
            return "\n".join(points.labels)

        exchange = begin(serve)
        code, said = end(*begin(work))
        os.kill(exchange[0], signal.SIGKILL)
        end(*exchange)
        if code not in (0, -9):
            raise AssertionError(f"the sync failed: {said}")
        return code, said.splitlines()

    def twice(self, fatal: int = 0) -> tuple[int, list[str], Found]:
        """Sync, killed or not, then once more; return the first one's end and what is there."""
        self.scene.restore(self.channel, self.queue)
        code, points = self.sync(fatal)
        self.sync(later=LATER)
        return code, points, self.scene.look(self.channel, self.queue)


def main(wanted: dict[str, Any]) -> None:
    """Try points of one scene and say what was wrong after which."""
    servers = Servers(Path(wanted["home"]), wanted["postgres"], wanted["redis"], wanted["rabbitmq"])
    exchange = f"tradesync-crash-{os.getpid()}"
    with ExitStack() as stack:
        scene = stack.enter_context(staged(wanted["scene"], servers, os.getpid()))
        channel, queue = stack.enter_context(listening(servers.rabbitmq, exchange))
        driver = Driver(scene, channel, queue, exchange)
        _, points, right = driver.twice()
        faults = faults_in(right, right, scene.known)
        if wanted["mutant"]:
            driver.mutant = wanted["mutant"]
            _, points, _ = driver.twice()
        tried, began = 0, time.monotonic()
        for fatal in range(1 + wanted["first"], len(points) + 1, wanted["stride"]):
            if wanted.get("place", "") not in points[fatal - 1]:
                continue
            if time.monotonic() - began > wanted["seconds"]:
                break
            code, _, found = driver.twice(fatal)
            tried += code == -9
            faults += [
                f"killed {points[fatal - 1]} (point {fatal}): {fault}"
                for fault in faults_in(found, right, scene.known)
            ]
            if faults and wanted["mutant"]:
                break
        told = {
            "points": len(points), "tried": tried, "faults": faults, "labels": points,
            "orders": len(right.books["orders"]), "messages": len(right.received),
            "seconds": time.monotonic() - began,
        }  # fmt: skip
        sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
