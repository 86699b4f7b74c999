"""What is sent again, when, and what never is."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from tradesync_dagster.brokers.calls import Answer, Call, TransportPolicy
from tradesync_dagster.brokers.limits import Window
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.domain import errors
from tradesync_dagster_tests.support.clocks import MovingClock
from tradesync_dagster_tests.support.ports import free_port
from tradesync_dagster_tests.support.wire import (
    HURRIED,
    PATIENT,
    Server,
    Step,
    hang,
    patience,
    read,
    reset,
    say,
    serving,
    write,
)

POLICY = TransportPolicy(timeout_seconds=PATIENT, retry_attempts=3, windows={"SOME": ()})
Act = Callable[[Transport, Server], Awaitable[Any]]


def play(
    act: Act, *steps: Step, policy: TransportPolicy = POLICY, seed: int = 1
) -> tuple[Any, Server, MovingClock]:
    """Run ``act`` against the steps; a broker's error is returned, not raised."""
    clock = MovingClock()

    async def main() -> Any:
        async with serving(*steps) as server:
            patient = replace(policy, timeout_seconds=patience(*steps))
            transport = Transport(clock, patient, random.Random(seed))
            try:
                found = await act(transport, server)
            except errors.BrokerError as error:
                found = error
            finally:
                await transport.close()
        return found, server

    found, server = asyncio.run(main())
    return found, server, clock


async def reading(transport: Transport, server: Server) -> Answer:
    return await transport.request(read(server.url))


async def writing(transport: Transport, server: Server) -> Answer:
    return await transport.request(write(server.url))


def test_waits_are_drawn_from_doubling_stretches_by_the_seeded_source() -> None:
    waits = [play(reading, say(502), seed=seed)[2].slept for seed in range(40)]
    assert all(len(one) == 3 for one in waits)
    for place, longest in enumerate((0.25, 0.5, 1.0)):
        drawn = [one[place] for one in waits]
        assert 0 <= min(drawn) < 0.2 * longest  # full jitter: also next to nothing
        assert 0.8 * longest < max(drawn) <= longest
    assert play(reading, say(502), seed=7)[2].slept == waits[7]


@pytest.mark.parametrize("attempts", [0, 1, 5])
def test_read_is_tried_as_often_as_set(attempts: int) -> None:
    policy = TransportPolicy(retry_attempts=attempts, windows={"SOME": ()})
    found, server, _ = play(reading, say(502), policy=policy)
    assert type(found) is errors.BrokerUnavailableError
    assert len(server.asked) == attempts + 1


def test_timeout_is_for_one_try() -> None:
    found, server, _ = play(reading, hang, hang, say(text="[]"))
    assert (found.body, found.attempts, len(server.asked)) == (b"[]", 3, 3)
    assert 2 * HURRIED <= found.seconds < PATIENT


@pytest.mark.parametrize(
    ("step", "sent"), [(hang, True), (reset, True), (say(500), True), (say(503), True)]
)
def test_write_that_may_have_arrived_is_never_sent_again(step: Step, sent: bool) -> None:
    found, server, clock = play(writing, step)
    assert type(found) is errors.BrokerUnavailableError
    assert found.sent is sent
    assert "not sent again" in str(found)
    assert (len(server.asked), clock.slept) == (1, [])


def test_write_that_never_left_is_sent_again() -> None:
    """The connection is refused first; while the transport waits, the broker comes up."""
    port = free_port()

    async def main() -> tuple[int, list[str]]:
        asked: list[str] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append((await reader.readuntil(b"\r\n")).decode())
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            await writer.drain()
            writer.close()

        class Opening(MovingClock):
            server: Any = None

            async def sleep(self, seconds: float) -> None:
                self.server = await asyncio.start_server(answer, "127.0.0.1", port)
                await super().sleep(seconds)

        clock = Opening()
        transport = Transport(clock, POLICY, random.Random(1))
        found = await transport.request(write(f"http://127.0.0.1:{port}"))
        await transport.close()
        clock.server.close()
        await clock.server.wait_closed()
        return found.attempts, asked

    attempts, asked = asyncio.run(main())
    assert attempts == 2
    assert asked == ["POST /place HTTP/1.1\r\n"]


def test_write_that_never_left_is_not_placed_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradesync_dagster.brokers.transport._FRESH", -1.0)

    async def act(transport: Transport, _: Server) -> Answer:
        return await transport.request(write(f"http://127.0.0.1:{free_port()}"))

    found, _, clock = play(act, say())
    assert type(found) is errors.BrokerUnavailableError
    assert (found.sent, clock.slept) == (False, [])
    assert "carried out" not in str(found)


def test_write_that_never_left_does_not_wait_for_a_late_turn() -> None:
    policy = TransportPolicy(retry_attempts=3, windows={"SOME": (Window(1, 10.0),)})

    async def act(transport: Transport, _: Server) -> Answer:
        return await transport.request(write(f"http://127.0.0.1:{free_port()}"))

    found, _, clock = play(act, say(), policy=policy)
    assert type(found) is errors.BrokerUnavailableError
    assert (found.sent, sum(clock.slept) < 5) == (False, True)


@pytest.mark.parametrize("header", [{}, {"Retry-After": "1"}])
def test_limited_write_is_not_sent_again(header: dict[str, str]) -> None:
    found, server, _ = play(writing, say(429, **header))
    assert type(found) is errors.RateLimitedError
    assert found.retry_after == (1.0 if header else None)
    assert len(server.asked) == 1


def after(seconds: int) -> str:
    return format_datetime(MovingClock().now() + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "7"}, 7.0, 7.25),
        ({"Retry-After": "0"}, 0.0, 0.25),
        ({"Retry-After": after(9), "Date": after(0)}, 9.0, 9.25),
        ({"Retry-After": after(3609), "Date": after(3600)}, 9.0, 9.25),  # its clock is wrong
        ({"Retry-After": after(-5), "Date": after(0)}, 0.0, 0.25),
        ({"Retry-After": "soon"}, 1.0, 1.25),
        ({"Retry-After": "-3"}, 1.0, 1.25),
        ({}, 1.0, 1.25),
        ({"Retry-After": "30"}, 30.0, 30.0),
    ],
)
def test_retry_after_is_honoured(headers: dict[str, str], least: float, most: float) -> None:
    found, server, clock = play(reading, say(429, **headers), say())
    assert found.status == 200
    assert len(server.asked) == 2
    assert least <= clock.slept[0] <= most
    assert len(clock.slept) == 1


def test_retry_after_of_a_server_that_is_down_is_honoured_too() -> None:
    _, _, clock = play(reading, say(503, **{"Retry-After": "7"}), say(503), say())
    first, second = clock.slept
    assert 7.0 <= first <= 7.25
    assert second <= 0.5


@pytest.mark.parametrize("asked", ["31", "999999999999"])
def test_wait_beyond_the_bound_is_not_waited_and_not_shortened(asked: str) -> None:
    async def twice(transport: Transport, server: Server) -> Any:
        with pytest.raises(errors.RateLimitedError) as first:
            await transport.request(read(server.url))
        with pytest.raises(errors.RateLimitedError, match="not sent") as second:
            await transport.request(read(server.url))
        other = await transport.request(read(server.url, account="O/B"))
        return first.value, second.value, other

    (first, second, other), server, clock = play(twice, say(429, **{"Retry-After": asked}), say())
    assert first.retry_after == float(asked[:9])
    assert second.retry_after == min(float(asked), 300.0)
    assert other.status == 200
    assert (len(server.asked), clock.slept) == (2, [])


def test_wait_that_a_broker_asks_for_holds_the_accounts_other_calls() -> None:
    async def act(transport: Transport, server: Server) -> Any:
        await transport.request(write(server.url, keep_errors=True))
        return await transport.request(read(server.url))

    _, server, clock = play(act, say(429, **{"Retry-After": "4"}), say())
    assert len(server.asked) == 2
    assert clock.slept == [pytest.approx(4.0)]


def test_rate_limit_delay_doubles() -> None:
    policy = TransportPolicy(rate_limit_delay=2.0, retry_delay=0.0, windows={"SOME": ()})
    _, _, clock = play(reading, say(429), policy=policy)
    assert clock.slept == [2.0, 4.0, 8.0]


def test_kept_error_is_returned_when_retries_are_spent() -> None:
    async def act(transport: Transport, server: Server) -> Answer:
        return await transport.request(read(server.url, keep_errors=True))

    found, server, _ = play(act, say(503, "sorry", Retry_After="3"))
    assert (found.status, found.body, found.attempts) == (503, b"sorry", 4)
    assert found.retry_after == 3.0
    assert len(server.asked) == 4


def test_failure_before_a_retry_without_turn_is_what_is_told() -> None:
    windows = (Window(1, 3600.0),)
    policy = TransportPolicy(retry_attempts=3, windows={"SOME": windows})
    found, server, _ = play(reading, say(502), policy=policy)
    assert type(found) is errors.BrokerUnavailableError
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "url",
    ["", "nothing", "ftp://x.example", "http://", "http://[x", "http:///a", "http://a..example"],
)
def test_address_that_is_none_is_our_mistake(url: str) -> None:
    async def act(transport: Transport, _: Server) -> Any:
        with pytest.raises(errors.RefusedRequestError, match="base_url"):
            await transport.request(Call("GET", url, "SOME", "orders", "O/A", idempotent=True))

    play(act, say())


def test_host_that_does_not_exist_is_an_outage() -> None:
    async def act(transport: Transport, _: Server) -> Any:
        return await transport.request(write("http://no-such-host.invalid"))

    found, _, _ = play(act, say(), policy=TransportPolicy(retry_attempts=0))
    assert isinstance(found, errors.BrokerUnavailableError)
    assert found.sent is False
