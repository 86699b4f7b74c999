"""The exchange in a child process, for tests, demos and benchmarks.

Belongs here: starting the real server on a free port, waiting for it, stopping and killing it.
Does not belong here: the server itself (server.py).
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from tradesync_dagster.brokers.exchange.config import ExchangeConfig

_CHILD = "from tradesync_dagster.brokers.exchange.server import child; child()"
_ROOT = Path(__file__).resolve().parents[3]


@dataclass(slots=True)
class RunningExchange:
    """A server in a child process; leaving the `with` block stops it."""

    url: str
    port: int
    process: "subprocess.Popen[bytes]"

    def __enter__(self) -> "RunningExchange":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()


def start_background(
    config: ExchangeConfig, *, port: int = 0, wait_seconds: float = 120
) -> RunningExchange:
    """Start the server in a child process; port 0 takes a free one (config.port is not used).

    Raises:
        OSError: the port is taken.
        RuntimeError: the server ended, or did not answer in time.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((config.host, port))
        listener.listen(256)
        port = listener.getsockname()[1]
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-c", _CHILD, str(listener.fileno())],
            stdin=subprocess.PIPE,
            pass_fds=(listener.fileno(),),
            cwd=_ROOT,
        )
    running = RunningExchange(f"http://{config.host}:{port}", port, process)
    if process.stdin is not None:
        process.stdin.write(orjson.dumps(_plain(config)) + b"\n")
        process.stdin.flush()
    try:
        _await_health(running, config.host, wait_seconds)
    except BaseException:
        running.kill()
        raise
    return running


@contextmanager
def running_exchange(config: ExchangeConfig) -> Iterator[str]:
    """Run the server for the length of a `with` block; gives its URL."""
    with start_background(config) as running:
        yield running.url


def read_config() -> tuple[ExchangeConfig, socket.socket]:
    """In the child: take settings and socket from the parent, and end when it does."""
    fields = orjson.loads(sys.stdin.buffer.readline())
    if fields["journal"] is not None:
        fields["journal"] = Path(fields["journal"])
    if fields["start_at"] is not None:
        fields["start_at"] = datetime.fromisoformat(fields["start_at"])
    fields["brokers"] = tuple(fields["brokers"])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    return ExchangeConfig(**fields), socket.socket(fileno=int(sys.argv[1]))


def _end_with_parent() -> None:
    while os.read(0, 1024):
        continue
    os.kill(os.getpid(), signal.SIGTERM)


def _plain(config: ExchangeConfig) -> dict[str, Any]:
    fields = asdict(config)
    fields["journal"] = str(config.journal.resolve()) if config.journal else None
    fields["start_at"] = config.start_at.isoformat() if config.start_at else None
    return fields


def _await_health(running: RunningExchange, host: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if running.process.poll() is not None:
            raise RuntimeError(f"The exchange ended at once, code {running.process.returncode}.")
        connection = http.client.HTTPConnection(host, running.port, timeout=5)
        try:
            connection.request("GET", "/sim/health")
            if connection.getresponse().status == 200:
                return
        except (http.client.HTTPException, OSError):
            time.sleep(0.05)
        finally:
            connection.close()
    raise RuntimeError(f"The exchange did not answer within {seconds:g} s.")
