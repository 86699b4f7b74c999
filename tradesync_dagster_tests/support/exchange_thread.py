"""The simulated exchange in a thread of the test's process: a process of its own starts slowly.

What belongs here: serving it over real HTTP. What does not: an exchange that a test kills, which is
a process (``brokers.exchange.background``).
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread

from aiohttp import web

from tradesync_dagster.brokers.exchange.server import ExchangeConfig, create_app
from tradesync_dagster_tests.support.ports import free_port


@contextmanager
def exchange_thread(config: ExchangeConfig) -> Iterator[str]:
    """Serve for the length of a ``with`` block; gives the URL."""
    port = free_port()
    started: Future[Callable[[], object]] = Future()
    thread = Thread(target=_run, args=(config, port, started), name="exchange")
    thread.start()
    try:
        end = started.result()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            end()
    finally:
        thread.join()


def _run(config: ExchangeConfig, port: int, started: "Future[Callable[[], object]]") -> None:
    try:
        asyncio.run(_serve(config, port, started))
    except BaseException as error:
        if started.done():
            raise
        started.set_exception(error)


async def _serve(
    config: ExchangeConfig, port: int, started: "Future[Callable[[], object]]"
) -> None:
    runner = web.AppRunner(create_app(config), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        started.set_result(lambda: loop.call_soon_threadsafe(ended.set))
        await ended.wait()
    finally:
        await runner.cleanup()
