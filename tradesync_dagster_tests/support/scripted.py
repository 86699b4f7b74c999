"""A broker's server that misbehaves on script, and an adapter over real HTTP against it."""

import asyncio
import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest
from aiohttp import web

from tradesync_dagster.brokers.calls import TransportPolicy
from tradesync_dagster.brokers.factory import BrokerFactory
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.domain import errors
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster_tests.support.wire import Step, hang

POLICY = TransportPolicy(
    timeout_seconds=20.0, retry_attempts=2, retry_delay=0.01, rate_limit_delay=0.01,
    max_body_bytes=100_000,
)  # fmt: skip


NIGHT = datetime(2025, 11, 3, 20, 0, tzinfo=UTC)
"""01:30 of 4 November in India, the 3rd elsewhere."""


class FakeClock:
    """Stands still, and never waits."""

    def __init__(self, moment: datetime = NIGHT) -> None:
        self.moment = moment
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def say(
    text: str | bytes, status: int = 200, kind: str = "application/json", **headers: str
) -> Step:
    async def step(_: web.Request) -> web.Response:
        body = text.encode() if isinstance(text, str) else text
        return web.Response(body=body, status=status, content_type=kind, headers=headers)

    return step


def data(value: object) -> Step:
    return say(json.dumps({"status": "success", "data": value}))


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Script:
    """Plays steps in turn, the last one for ever, and keeps what it was asked."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self.steps = list(steps)
        self.asked: list[Asked] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(
            Asked(
                request.method,
                request.path,
                dict(request.query),
                dict(request.headers),
                await request.read(),
            )
        )
        return await self.steps[min(len(self.asked), len(self.steps)) - 1](request)


@dataclass(frozen=True)
class Stage:
    """One broker's adapter, to be played against scripts."""

    broker: str
    secrets: Mapping[str, str]
    moment: datetime = NIGHT

    def play(
        self, action: Any, *steps: Step, known: Mapping[str, str] = MappingProxyType({})
    ) -> tuple[Any, Script, FakeClock]:
        """Run ``action(client)`` against the steps; return its result, the script, the clock."""
        script, clock = Script(steps), FakeClock(self.moment)

        async def main() -> Any:
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", script.handle)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            # Answers that never come are not waited for; a busy machine makes others late.
            policy = replace(POLICY, timeout_seconds=1.0) if hang in steps else POLICY
            factory = BrokerFactory(Transport(clock, policy, random.Random(1)), clock)
            account = Account(
                1, "ORG", "A1", self.broker, credentials=self.secrets,
                base_url=f"http://127.0.0.1:{runner.addresses[0][1]}/",
            )  # fmt: skip
            try:
                return await action(factory.client(account, known))
            finally:
                await factory.close()
                await runner.cleanup()

        return asyncio.run(main()), script, clock

    def failing(self, action: Any, *steps: Step) -> tuple[errors.BrokerError, Script]:
        """Run an action that must raise; return its error, without secrets, and the script."""
        caught: list[errors.BrokerError] = []

        async def wrapped(client: Any) -> None:
            with pytest.raises(errors.BrokerError) as info:
                await action(client)
            caught.append(info.value)

        _, script, _ = self.play(wrapped, *steps)
        assert not any(secret in str(caught[0]) for secret in self.secrets.values())
        return caught[0], script
