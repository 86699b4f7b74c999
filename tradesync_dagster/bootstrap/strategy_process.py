"""Asking strategies in processes of their own, which are ended when their time is over.

A thread that hangs cannot be ended, a process can: so a strategy that does not come back fails
alone. What belongs here: starting, waiting, ending, reading the answer. What does not: what the
process does (``strategy_child``).
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import orjson

from tradesync_dagster.domain.errors import TaskFailedError
from tradesync_dagster.domain.strategies import View, Wish
from tradesync_dagster.settings import foreign_environment
from tradesync_dagster.sync.tasks.asking import checked

START_SECONDS = 120
"""That the process may take until the strategy's own time begins."""
MOST_BYTES = 4_000_000
_CHILD = Path(__file__).with_name("strategy_child.py")


def ask_apart(name: str, place: str, view: View, seconds: int) -> list[Wish]:
    """Ask a strategy in a process of its own.

    Args:
        name: As mandates name it.
        place: ``module:Class``.
        view: What it is shown.
        seconds: How long its import and its answer may take.

    Returns:
        Its wishes.

    Raises:
        TaskFailedError: It failed, took too long, or ended without an answer.
    """
    asked = orjson.dumps({"path": sys.path, "name": name, "place": place, "seconds": seconds})
    # -P: modules beside the program must not stand before the libraries that it imports.
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-P", str(_CHILD)], env=foreign_environment(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
    ) as child:  # fmt: skip
        assert child.stdin is not None  # noqa: S101 - piped
        assert child.stdout is not None  # noqa: S101
        try:
            with _limited(child, START_SECONDS) as late:
                with suppress(BrokenPipeError):
                    child.stdin.write(asked + b"\n" + pickle.dumps(view))
                    child.stdin.close()
                ready = child.stdout.read(1)
            if not ready:
                within = f" within {START_SECONDS} s" if late.is_set() else ""
                raise TaskFailedError(f"no process for the strategy {name!r} began{within}")
            with _limited(child, seconds) as late:
                body = child.stdout.read(MOST_BYTES + 1)
        finally:
            _end(child)
    if late.is_set():
        raise TaskFailedError(
            f"the strategy {name!r} had not answered after {seconds} s, so it was ended; "
            "TRADESYNC_STRATEGY_SECONDS is the limit"
        )
    return _read(name, body)


@contextmanager
def _limited(child: "subprocess.Popen[bytes]", seconds: float) -> Iterator[threading.Event]:
    """End a process after a time, and with it whatever waits for its output."""
    late = threading.Event()

    def end() -> None:
        late.set()
        _end(child)

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
        timer.join()


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it started; it is not waited for yet, so the id is its own."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _read(name: str, body: bytes) -> list[Wish]:
    if not body:
        raise TaskFailedError(f"the strategy {name!r} ended its process without an answer")
    try:
        told = orjson.loads(body)
        refused, wishes = told.get("refused"), [Wish(*one) for one in told.get("wishes", ())]
    except (ValueError, TypeError, AttributeError):
        raise TaskFailedError(
            f"what came of the strategy {name!r} cannot be read; it is {len(body)} bytes long"
        ) from None
    if refused:
        raise TaskFailedError(str(refused))
    return list(checked(wishes))
