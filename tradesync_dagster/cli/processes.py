"""Processes that a command starts, and their end.

Each runs in a process group of its own, so that a Ctrl-C reaches only this process and what a child
has started ends with it. What belongs here: starting, watching and ending. What does not: which
processes there are (``stack``).
"""

import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType, TracebackType

from tradesync_dagster.domain.errors import ConfigurationError, TradesyncError

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GRACE_SECONDS = 10.0
_KILL_SECONDS = 3.0
_LAST_LINES = 8
_PROCESSES = Path("/proc")


class ProcessError(TradesyncError):
    """A process that was started ended by itself, or never answered."""


class Interrupted(KeyboardInterrupt):
    """Somebody asked for the end: Ctrl-C, SIGTERM or a closed terminal."""


@dataclass(slots=True)
class Child:
    """One process and its group.

    Attributes:
        name: What people call it.
        log: Where its output goes.
    """

    name: str
    log: Path
    process: "subprocess.Popen[bytes]"

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group."""
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            return

    def gone(self) -> bool:
        """Whether nothing of the group is left, collecting the child itself."""
        return self.process.poll() is not None and not _group_lives(self.process.pid)


@dataclass(slots=True)
class Supervisor:
    """Starts processes within a ``with`` block and ends them all at its end.

    A signal raises ``Interrupted`` in the block; a second one, while the processes are being
    ended, ends them at once.
    """

    environment: Mapping[str, str]
    logs: Path
    children: list[Child] = field(default_factory=list)
    _starting: bool = False
    _ending: bool = False
    _asked: bool = False
    _hurry: bool = False
    _before: dict[signal.Signals, object] = field(default_factory=dict)

    def __enter__(self) -> "Supervisor":
        """Take the signals over."""
        self.logs.mkdir(parents=True, exist_ok=True)
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._asked_to_end)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every process, then give the signals back."""
        self._ending = True
        self._end_all()
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def start(self, name: str, command: Sequence[str], folder: Path) -> Child:
        """Start a process.

        Args:
            name: What people call it; its output goes to ``NAME.log``.
            command: Program and arguments.
            folder: Its working directory.

        Returns:
            The child.
        """
        log = self.logs / f"{name.replace(' ', '-')}.log"
        self._starting = True
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=dict(self.environment),
                process_group=0,
            )
        child = Child(name, log, process)
        self.children.append(child)
        self._starting = False
        self._raise_if_asked()
        return child

    def check(self) -> None:
        """Make sure that every process still runs.

        Raises:
            ProcessError: One has ended by itself; the end of its log is in the message.
            Interrupted: Somebody asked for the end where a library passed over the exception.
        """
        self._raise_if_asked()
        for child in self.children:
            code = child.process.poll()
            if code is not None:
                raise ProcessError(
                    f"{child.name} ended by itself with code {code}; the rest is ended too. "
                    f"The end of {child.log}: {_last_lines(child.log)}"
                )

    def wait_for(self, name: str, port: int, path: str, seconds: float) -> None:
        """Wait until a server on this machine answers.

        Raises:
            ProcessError: A process ended, or there was no answer in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            if answers(port, path):
                return
            time.sleep(0.1)
        raise ProcessError(f"{name} did not answer on port {port} within {seconds:g} seconds")

    def _asked_to_end(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._ending:
            self._hurry = True
            return
        self._asked = True
        if not self._starting:
            self._raise_if_asked()

    def _raise_if_asked(self) -> None:
        if self._asked and not self._ending:
            raise Interrupted

    def _end_all(self) -> None:
        for child in self.children:
            child.signal(signal.SIGTERM)
        if self._all_gone(_GRACE_SECONDS):
            return
        for child in self.children:
            child.signal(signal.SIGKILL)
        self._hurry = False
        self._all_gone(_KILL_SECONDS)

    def _all_gone(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._hurry:
            left = [child for child in self.children if not child.gone()]
            if not left:
                return True
            time.sleep(0.05)
        return False


def check_free(port: int, option: str) -> None:
    """Make sure that a port on this machine can be listened on.

    Args:
        port: The port.
        option: The option that chooses another.

    Raises:
        ConfigurationError: Something listens there, or it may not be used.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigurationError(
                f"port {port} on 127.0.0.1 cannot be used ({error.strerror}); end what uses it, "
                f"or choose another with {option}"
            ) from None


@contextmanager
def hold(home: Path) -> Iterator[None]:
    """Hold a home for this process, so that two stacks never share one.

    Args:
        home: The folder; made when it is not there.

    Yields:
        Nothing.

    Raises:
        ConfigurationError: Another process holds it, or it cannot be made.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / "running.lock").open("w")
    except OSError as error:
        raise ConfigurationError(f"{home} cannot be used: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigurationError(
                f"another tradesync already runs with its data in {home}; end it first"
            ) from None
        yield


def _group_lives(group: int) -> bool:
    """Whether a process of the group still runs; ended ones that nobody has collected do not."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    if not _PROCESSES.exists():
        return True
    return any(_runs_in(stat, group) for stat in _PROCESSES.glob("[0-9]*/stat"))


def _runs_in(stat: Path, group: int) -> bool:
    try:
        text = stat.read_text(errors="replace")  # a name in it may be cut within a letter
    except OSError:
        return False
    state, _parent, found = text.rpartition(")")[2].split()[:3]
    return int(found) == group and state not in "ZX"


def answers(port: int, path: str) -> bool:
    """Whether a server on this machine answers, and not of a failure."""
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _last_lines(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return " | ".join(line.strip() for line in lines[-_LAST_LINES:] if line.strip()) or "empty"
