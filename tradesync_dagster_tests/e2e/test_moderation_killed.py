"""A run that moderates fake orders, killed halfway: the next one decides the rest, each once."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tradesync_dagster.domain.fake_orders import FakeOrder
from tradesync_dagster_tests.support.fake_orders import check_decided_once, fake_orders, put
from tradesync_dagster_tests.support.moderated_house import House, soon
from tradesync_dagster_tests.support.stacks import START_SECONDS

pytestmark = pytest.mark.soak
_TRIES = 3
"""A busy machine may let a run decide all between two looks at it."""


def test_what_a_killed_run_left_is_decided_by_the_next(house: House) -> None:
    for number in range(_TRIES):
        many = fake_orders(20_000, soon(45), f"many {number}")
        run_id = killed_at_work(house, many)
        left = house.left()
        house.wait_until_decided()
        check_decided_once(house.services.store, many)
        if left:
            assert left < len(many), "killed halfway"
            assert house.runs()[run_id] == "FAILURE"
            return
    raise AssertionError(f"{_TRIES} runs had decided all before they were killed")


def killed_at_work(house: House, orders: Sequence[FakeOrder]) -> str:
    """Kill the run of some orders as soon as it has decided any; return its id."""
    put(house.services.store, orders)
    run_id, process = waiting_run(house)
    deadline = time.monotonic() + START_SECONDS
    while house.left() == len(orders):
        assert time.monotonic() < deadline, house.runs()
        time.sleep(0.005)
    os.kill(process, signal.SIGKILL)
    return run_id


def waiting_run(house: House) -> tuple[str, int]:
    """Wait for a run that waits for its orders; return its id and its process."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for run_id in (name for name, state in house.runs().items() if state == "STARTED"):
            process = house.process_of(run_id)
            if process and Path(f"/proc/{process}").exists():
                return run_id, process
        time.sleep(0.2)
    raise AssertionError(f"no run waits: {house.runs()}")
