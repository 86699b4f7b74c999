"""A dead broker is found out after a few calls, and found again when it lives."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from tradesync_dagster.brokers.calls import TransportPolicy
from tradesync_dagster.brokers.limits import Window
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.domain import errors
from tradesync_dagster_tests.support.clocks import MovingClock
from tradesync_dagster_tests.support.wire import (
    PATIENT,
    Server,
    Step,
    hang,
    read,
    reset,
    say,
    serving,
    write,
)

POLICY = TransportPolicy(
    timeout_seconds=PATIENT, retry_attempts=0, windows={"SOME": (), "OTHER": ()}
)
Act = Callable[[Transport, Server, MovingClock], Awaitable[Any]]


def play(act: Act, *steps: Step, policy: TransportPolicy = POLICY) -> Any:
    async def main() -> Any:
        clock = MovingClock()
        async with serving(*steps) as server:
            transport = Transport(clock, policy, random.Random(1))
            try:
                return await act(transport, server, clock)
            finally:
                await transport.close()

    return asyncio.run(main())


async def outcome(call: Awaitable[Any]) -> str:
    try:
        await call
    except errors.BrokerError as error:
        return type(error).__name__
    return "answered"


async def fail(transport: Transport, server: Server, times: int = 5) -> list[str]:
    """Ask for several accounts' books, one after another."""
    return [
        await outcome(transport.request(read(server.url, f"/b{n % 2}", account=f"O/{n}")))
        for n in range(times)
    ]


async def asked(server: Server, times: int) -> None:
    """Wait until the server was asked that often."""
    async with asyncio.timeout(PATIENT):
        while len(server.asked) < times:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("step", [say(500), say(502), say(503), reset])
def test_opens_after_five_failures_over_all_accounts(step: Step) -> None:
    async def act(transport: Transport, server: Server, clock: MovingClock) -> None:
        assert (
            await fail(transport, server, 8)
            == ["BrokerUnavailableError"] * 5 + ["BreakerOpenError"] * 3
        )
        assert len(server.asked) == 5
        assert await outcome(transport.request(write(server.url))) == "BreakerOpenError"
        clock.move(29)
        with pytest.raises(errors.BreakerOpenError, match="asked again in 1 s") as caught:
            await transport.request(read(server.url))
        assert caught.value.retry_after == pytest.approx(1.0)
        assert caught.value.sent is False
        assert len(server.asked) == 5

    play(act, step)


def test_refused_connections_open_it_too() -> None:
    async def act(transport: Transport, _: Server, __: MovingClock) -> list[str]:
        gone = Server([])
        gone.url = "http://127.0.0.1:9"
        return await fail(transport, gone, 7)

    assert play(act, say()) == ["BrokerUnavailableError"] * 5 + ["BreakerOpenError"] * 2


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 429])
def test_expired_token_or_any_4xx_never_opens_it(status: int) -> None:
    async def act(transport: Transport, server: Server, _: MovingClock) -> int:
        for _n in range(30):
            await outcome(transport.request(write(server.url, keep_errors=True)))
        return len(server.asked)

    assert play(act, say(status, **({"Retry-After": "0"} if status == 429 else {}))) == 30


def test_answer_too_long_is_a_sign_of_life() -> None:
    async def act(transport: Transport, server: Server, _: MovingClock) -> set[str]:
        return set(await fail(transport, server, 12))

    policy = TransportPolicy(max_body_bytes=10, retry_attempts=0, windows={"SOME": ()})
    assert play(act, say(text="x" * 99), policy=policy) == {"UnreadableAnswerError"}


def test_any_answer_in_between_starts_the_count_anew() -> None:
    bad = [say(503)] * 4

    async def act(transport: Transport, server: Server, _: MovingClock) -> list[str]:
        return await fail(transport, server, 15)

    found = play(act, *bad, say(403), *bad, say(), *bad, say())
    assert "BreakerOpenError" not in found


def test_one_broken_page_of_a_living_server_does_not_open_it() -> None:
    async def act(transport: Transport, server: Server, _: MovingClock) -> list[str]:
        calls = [read(server.url, "/holdings", account=f"O/{n}") for n in range(9)]
        found = [await outcome(transport.request(call)) for call in calls]
        return [*found, await outcome(transport.request(read(server.url)))]

    assert play(act, *[say(500)] * 9, say()) == ["BrokerUnavailableError"] * 9 + ["answered"]


def test_brokers_and_addresses_have_breakers_of_their_own() -> None:
    async def act(transport: Transport, server: Server, _: MovingClock) -> list[str]:
        await fail(transport, server)
        same_place = read(server.url)
        elsewhere = read(server.url.replace("127.0.0.1", "localhost"))
        other = type(same_place)("GET", server.url, "OTHER", "orders", "O/A", idempotent=True)
        return [await outcome(transport.request(c)) for c in (same_place, elsewhere, other)]

    assert play(act, *[say(503)] * 5, say()) == ["BreakerOpenError", "answered", "answered"]


def test_after_the_cool_down_one_probe_goes_and_reads_wait_for_it() -> None:
    release = asyncio.Event()

    async def act(transport: Transport, server: Server, clock: MovingClock) -> None:
        await fail(transport, server)
        clock.move(30)
        reads = [
            asyncio.create_task(outcome(transport.request(read(server.url, account=f"O/{n}"))))
            for n in range(20)
        ]
        await asked(server, 6)
        assert await outcome(transport.request(write(server.url))) == "BreakerOpenError"
        assert len(server.asked) == 6
        release.set()
        assert set(await asyncio.gather(*reads)) == {"answered"}
        assert len(server.asked) == 25

    async def slow(_: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    play(act, *[say(503)] * 5, slow, say())


def test_failed_probe_opens_it_again_and_those_who_waited_fail_with_it() -> None:
    async def act(transport: Transport, server: Server, clock: MovingClock) -> None:
        await fail(transport, server)
        clock.move(30)
        found = await asyncio.gather(
            *(outcome(transport.request(read(server.url, account=f"O/{n}"))) for n in range(20))
        )
        assert sorted(found) == ["BreakerOpenError"] * 19 + ["BrokerUnavailableError"]
        assert len(server.asked) == 6
        clock.move(29)
        assert await fail(transport, server, 1) == ["BreakerOpenError"]
        clock.move(1)
        assert await fail(transport, server, 9) == ["answered"] * 9

    play(act, *[say(503)] * 6, say())


def test_probe_that_is_given_up_leaves_room_for_another() -> None:
    async def act(transport: Transport, server: Server, clock: MovingClock) -> None:
        await fail(transport, server)
        clock.move(30)
        probe = asyncio.create_task(transport.request(read(server.url)))
        await asked(server, 6)
        waiting = asyncio.create_task(outcome(transport.request(read(server.url))))
        await asyncio.sleep(0.05)
        assert len(server.asked) == 6
        probe.cancel()
        assert await waiting == "answered"
        assert await fail(transport, server, 1) == ["answered"]

    play(act, *[say(503)] * 5, hang, say())


def test_failures_sent_before_it_closed_do_not_open_it_again() -> None:
    release = asyncio.Event()

    async def late(_: web.Request) -> web.Response:
        await release.wait()
        return web.Response(status=503)

    async def act(transport: Transport, server: Server, clock: MovingClock) -> None:
        early = [
            asyncio.create_task(outcome(transport.request(read(server.url, f"/c{n % 2}"))))
            for n in range(6)
        ]
        await asked(server, 6)
        await fail(transport, server)
        clock.move(30)
        assert await fail(transport, server, 1) == ["answered"]
        release.set()
        assert set(await asyncio.gather(*early)) == {"BrokerUnavailableError"}
        assert await fail(transport, server, 1) == ["answered"]

    play(act, *[late] * 6, *[say(503)] * 5, say())


def test_three_hundred_accounts_of_a_dead_broker_do_not_wait_out_their_timeouts() -> None:
    """64 at once, four books each: with no breaker 300 x 4 x 2 timeouts of 0.3 s, in 64 lanes."""
    outcomes: Counter[str] = Counter()

    async def act(transport: Transport, server: Server, _: MovingClock) -> int:
        lanes = asyncio.Semaphore(64)

        async def account(number: int) -> None:
            async with lanes:
                for book in ("orders", "trades", "positions", "holdings"):
                    call = read(server.url, f"/{book}", account=f"O/{number}")
                    outcomes[await outcome(transport.request(call))] += 1

        await asyncio.gather(*map(account, range(300)))
        return len(server.asked)

    policy = TransportPolicy(timeout_seconds=0.3, retry_attempts=1, windows={"SOME": ()})
    assert play(act, hang, policy=policy) < 64 + 5  # five fail one by one; four are sent again
    assert outcomes["BreakerOpenError"] >= 300 * 4 - 64, "at once"
    assert "answered" not in outcomes


def test_calls_that_are_not_sent_take_no_turn_of_the_account() -> None:
    async def act(transport: Transport, server: Server, clock: MovingClock) -> list[str]:
        limits = (Window(6, 600.0),)
        calls = [read(server.url, f"/b{n % 2}", windows=limits) for n in range(9)]
        found = [await outcome(transport.request(call)) for call in calls]
        clock.move(30)
        return [*found[5:], await outcome(transport.request(calls[0]))]

    policy = TransportPolicy(retry_attempts=0)
    found = play(act, *[say(503)] * 5, say(), policy=policy)
    assert found == ["BreakerOpenError"] * 4 + ["answered"]
