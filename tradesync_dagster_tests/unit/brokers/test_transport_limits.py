"""An account never asks more often than its broker allows."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesync_dagster.brokers.calls import Answer, TransportPolicy
from tradesync_dagster.brokers.limits import Limits, Window
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.domain import errors
from tradesync_dagster_tests.support.clocks import MovingClock
from tradesync_dagster_tests.support.wire import read, say, serving, write

UPSTOX = (
    Window(50, 1.0),
    Window(500, 60.0),
    Window(2000, 1800.0),
    Window(10, 1.0, writes=True),
)
ACCOUNT = ("SOME", "O/A")
windows = st.lists(
    st.builds(Window, st.integers(1, 6), st.sampled_from([0.5, 1.0, 5.0, 60.0]), st.booleans()),
    max_size=4,
)


def broken(window: Window, turns: list[tuple[float, bool]]) -> bool:
    """Whether more requests than allowed fall into some stretch of the window's length."""
    counted = sorted(at for at, write in turns if write or not window.writes)
    return any(
        later - first <= window.seconds
        for first, later in zip(counted, counted[window.requests :], strict=False)
    )


@given(windows, st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=60))
def test_no_stretch_of_time_holds_more_than_allowed(
    limits: list[Window], calls: list[tuple[float, bool]]
) -> None:
    clock = MovingClock()
    turns: list[tuple[float, bool]] = []
    counter = Limits(clock)
    for pause, is_write in calls:
        clock.move(pause)
        taken, wait = counter.take(ACCOUNT, limits, write=is_write, most=1e9)
        assert taken
        turns.append((clock.now().timestamp() + wait, is_write))
    assert not any(broken(window, turns) for window in limits)


def test_turns_are_no_later_than_needed() -> None:
    counter = Limits(MovingClock())
    waits = [counter.take(ACCOUNT, UPSTOX, write=False, most=1e9)[1] for _ in range(2001)]
    assert waits[:50] == [0.0] * 50
    assert waits[50] == pytest.approx(1.05, abs=1e-3)
    assert waits[499] == pytest.approx(9 * 1.05, abs=1e-3)
    assert waits[500] == pytest.approx(60.05, abs=1e-3)
    assert waits[2000] == pytest.approx(1800.05, abs=1e-3)
    assert all(earlier <= later for earlier, later in pairwise(waits))


def test_writes_have_a_window_of_their_own() -> None:
    counter = Limits(MovingClock())
    reads = [counter.take(ACCOUNT, UPSTOX, write=False, most=9)[1] for _ in range(30)]
    writes = [counter.take(ACCOUNT, UPSTOX, write=True, most=9)[1] for _ in range(11)]
    assert reads + writes[:10] == [0.0] * 40
    assert writes[10] == pytest.approx(1.05, abs=1e-3)


def test_accounts_and_brokers_do_not_share_turns() -> None:
    counter = Limits(MovingClock())
    one = (Window(1, 60.0),)
    for account in (ACCOUNT, ("SOME", "O/B"), ("OTHER", "O/A")):
        assert counter.take(account, one, write=False, most=0) == (True, 0.0)
    assert counter.take(ACCOUNT, one, write=False, most=0)[0] is False


def test_turn_not_taken_is_not_counted() -> None:
    clock, one = MovingClock(), (Window(1, 60.0),)
    counter = Limits(clock)
    counter.take(ACCOUNT, one, write=False, most=0)
    for _ in range(5):
        taken, wait = counter.take(ACCOUNT, one, write=False, most=30)
        assert (taken, wait) == (False, pytest.approx(60.05, abs=1e-3))
    clock.move(60.1)
    assert counter.take(ACCOUNT, one, write=False, most=0) == (True, 0.0)


def test_clock_that_is_put_back_costs_no_more_than_the_window() -> None:
    clock, one = MovingClock(), (Window(1, 5.0),)
    counter = Limits(clock)
    counter.take(ACCOUNT, one, write=False, most=0)
    counter.hold(ACCOUNT, 7.0)
    clock.move(-3600)
    assert counter.take(ACCOUNT, one, write=False, most=99)[1] == pytest.approx(7.0, abs=1e-3)
    clock.move(-3600)
    assert counter.take(ACCOUNT, one, write=False, most=99)[1] == pytest.approx(12.05, abs=1e-3)


def test_hold_is_bounded() -> None:
    counter = Limits(MovingClock())
    counter.hold(ACCOUNT, 1e12)
    assert counter.take(ACCOUNT, (), write=False, most=1e13)[1] == pytest.approx(300.0, abs=1e-3)


def test_transport_waits_for_turns_by_the_clock_that_it_is_given() -> None:
    clock = MovingClock()

    async def main() -> list[str]:
        async with serving(say()) as server:
            transport = Transport(clock)
            limits = (Window(3, 1.0), Window(5, 60.0))
            for _ in range(5):
                await transport.request(read(server.url, windows=limits))
            with pytest.raises(errors.RateLimitedError, match="not sent") as caught:
                await transport.request(write(server.url, windows=limits))
            assert caught.value.retry_after == pytest.approx(59, abs=1.5)
            await transport.close()
            return server.asked

    assert len(asyncio.run(main())) == 5
    assert clock.slept == [pytest.approx(1.05, abs=1e-3)]


def test_policy_overrides_a_brokers_limits() -> None:
    clock = MovingClock()

    async def main() -> Answer:
        async with serving(say()) as server:
            transport = Transport(clock, TransportPolicy(windows={"SOME": (Window(1, 2.0),)}))
            await transport.request(read(server.url, windows=UPSTOX))
            found = await transport.request(read(server.url, windows=UPSTOX))
            await transport.close()
            return found

    asyncio.run(main())
    assert clock.slept == [pytest.approx(2.05, abs=1e-3)]
