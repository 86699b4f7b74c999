"""A real HTTP server that plays a script."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tradesync_dagster.brokers.calls import Call

Step = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Plays steps in turn, the last one for ever."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = list(steps)
        self.asked: list[str] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        return await self.steps[min(len(self.asked), len(self.steps)) - 1](request)


@asynccontextmanager
async def serving(*steps: Step) -> AsyncIterator[Server]:
    server = Server(steps)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


def say(status: int = 200, text: str = "{}", **headers: str) -> Step:
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def step(_: web.Request) -> web.Response:
        return web.Response(text=text, status=status, headers=named)

    return step


PATIENT, HURRIED = 20.0, 1.0
"""Seconds to wait for answers that come, on however busy a machine, and for those that never do."""


def patience(*steps: Step) -> float:
    """Tell how long to wait for the answers to steps."""
    return HURRIED if hang in steps else PATIENT


async def hang(_: web.Request) -> web.Response:
    await asyncio.sleep(60)
    return web.Response()


async def reset(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def read(url: str, path: str = "/orders", account: str = "O/A", **more: Any) -> Call:
    """A call that may be sent again."""
    return Call("GET", url + path, "SOME", path.strip("/"), account, idempotent=True, **more)


def write(url: str, path: str = "/place", account: str = "O/A", **more: Any) -> Call:
    """A placement."""
    return Call("POST", url + path, "SOME", path.strip("/"), account, idempotent=False, **more)
