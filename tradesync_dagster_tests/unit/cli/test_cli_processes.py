"""Real child processes: they start, they are watched, and nothing of them stays."""

import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tradesync_dagster.cli import processes
from tradesync_dagster.cli.processes import (
    Interrupted,
    ProcessError,
    Supervisor,
    check_free,
    hold,
)
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster_tests.support.ports import free_port

# A child that starts a child of its own, says both numbers and waits.
FAMILY = """
import os, subprocess, sys, time
inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(os.getpid(), inner.pid, flush=True)
time.sleep(600)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""


def supervisor(tmp_path: Path) -> Supervisor:
    return Supervisor({"PATH": os.defpath}, tmp_path / "logs")


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def wait_for_text(log: Path) -> str:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if log.read_text().endswith("\n"):
            return log.read_text()
        time.sleep(0.02)
    pytest.fail(f"nothing was written to {log}")


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_children_and_their_children_end_with_the_block(tmp_path: Path) -> None:
    with supervisor(tmp_path) as house:
        child = house.start("family", python(FAMILY), tmp_path)
        pids = [int(word) for word in wait_for_text(child.log).split()]
        assert len(pids) == 2
        assert all(runs(pid) for pid in pids)
    assert not any(runs(pid) for pid in pids)


def test_an_error_in_the_block_ends_them_too(tmp_path: Path) -> None:
    pids: list[int] = []

    def fail() -> None:
        with supervisor(tmp_path) as house:
            child = house.start("family", python(FAMILY), tmp_path)
            pids.extend(int(word) for word in wait_for_text(child.log).split())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(pids) == 2
    assert not any(runs(pid) for pid in pids)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_block_and_handlers_come_back(
    tmp_path: Path, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    pids: list[int] = []

    def interrupt() -> None:
        with supervisor(tmp_path) as house:
            child = house.start("family", python(FAMILY), tmp_path)
            pids.extend(int(word) for word in wait_for_text(child.log).split())
            signal.raise_signal(number)

    with pytest.raises(Interrupted):
        interrupt()
    assert len(pids) == 2
    assert not any(runs(pid) for pid in pids)
    assert signal.getsignal(number) == before


def test_an_end_that_a_library_passed_over_comes_at_the_next_look(tmp_path: Path) -> None:
    with supervisor(tmp_path) as house:
        with suppress(Interrupted):  # as in a finalizer, whose exceptions Python only prints
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(Interrupted):
            house.check()


def test_a_second_signal_does_not_wait_for_a_stubborn_child(tmp_path: Path) -> None:
    house = supervisor(tmp_path)

    def interrupt() -> None:
        with house:
            child = house.start("stubborn", python(STUBBORN), tmp_path)
            wait_for_text(child.log)
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        interrupt()
    assert house.children[0].process.returncode == -signal.SIGKILL


def test_a_strangers_name_that_is_no_text_does_not_keep_children_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = tmp_path / "proc" / "1" / "stat"
    stranger.parent.mkdir(parents=True)
    # Linux cuts a name after 15 bytes, if need be within a letter.
    stranger.write_bytes("1 (zwölf-Börsen-ü".encode()[:-1] + b") S 1 1 1")
    monkeypatch.setattr(processes, "_PROCESSES", tmp_path / "proc")
    with supervisor(tmp_path) as house:
        child = house.start("family", python(FAMILY), tmp_path)
        pids = [int(word) for word in wait_for_text(child.log).split()]
    assert not any(runs(pid) for pid in pids)


def test_a_child_that_ends_by_itself_is_named_with_its_last_words(tmp_path: Path) -> None:
    with supervisor(tmp_path) as house:
        house.start("short", python("print('no such table'); raise SystemExit(3)"), tmp_path)
        house.children[0].process.wait()
        with pytest.raises(ProcessError, match=r"short ended by itself with code 3.*no such table"):
            house.check()


def test_waiting_ends_when_the_child_does(tmp_path: Path) -> None:
    with supervisor(tmp_path) as house:
        house.start("short", python("raise SystemExit(4)"), tmp_path)
        with pytest.raises(ProcessError, match="code 4"):
            house.wait_for("short", 9, "/", 60)


def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with supervisor(tmp_path) as house:
        house.start("quiet", python("import time; time.sleep(600)"), tmp_path)
        with pytest.raises(ProcessError, match="quiet did not answer on port 9 within"):
            house.wait_for("quiet", 9, "/", 0.3)


def test_a_port_in_use_is_said_with_its_option() -> None:
    port = free_port()
    in_use = pytest.raises(ConfigurationError, match=f"port {port} .*--port")
    with socket.create_server(("127.0.0.1", port)), in_use:
        check_free(port, "--port")
    check_free(port, "--port")


def test_a_home_is_held_by_one(tmp_path: Path) -> None:
    with hold(tmp_path), pytest.raises(ConfigurationError, match="already runs"), hold(tmp_path):
        pass
    with hold(tmp_path):
        pass
