"""Connections for order updates: whose, when one is opened again, and what is said of it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.bootstrap.listening import Listening, Pauses
from tradesync_dagster.bootstrap.wiring import SystemClock
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.laid_books import lay
from tradesync_dagster_tests.support.ports import free_port

GOOD, OTHER = "token-good", "token-other"
UPDATE = '{"type": "order", "data": {}}'
QUICK = Pauses(books=0.05, least=0.05, longest=0.1, ended=600.0)


@dataclass
class Kite:
    """A server of websockets that says what a test has it say, and knows who came."""

    good: set[str] = field(default_factory=lambda: {GOOD})
    says: list[str] = field(default_factory=list)
    """What it says to each that comes, before it goes: nothing for one that may stay."""
    came: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    here: dict[str, web.WebSocketResponse] = field(default_factory=dict)
    """Who may stay, as soon as they were let in: the client hears of it a moment later."""
    url: str = ""

    async def connect(self, request: web.Request) -> web.StreamResponse:
        key, token = request.query["api_key"], request.query["access_token"]
        if token not in self.good:
            self.refused.append(key)
            return web.Response(status=403)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        self.came.append(key)
        if self.says:
            await ws.send_str(self.says.pop(0))
            await ws.close()
            return ws
        self.here[key] = ws
        async for _ in ws:
            pass
        del self.here[key]
        return ws


@asynccontextmanager
async def serving(kite: Kite, port: int = 0) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_get("/", kite.connect)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
    kite.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield
    finally:
        await runner.cleanup()


async def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - of servers that tell nobody
            await asyncio.sleep(0.01)


@pytest.fixture
def services(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Services]:
    caplog.set_level(logging.INFO, "tradesync_dagster")
    settings = Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path}/b", _env_file=None)
    engine = lay(settings.books_url)
    yield Services(settings, SqlStore(engine, settings.cipher()), SystemClock())
    engine.dispose()


def put(services: Services, kite: Kite, *names: str, token: str = GOOD, **more: Any) -> None:
    services.store.put_accounts(
        [
            Account(
                0, "desk", name, **{"broker": "ZERODHA", "base_url": kite.url} | more,
                credentials={"api_key": f"key-{name}", "access_token": token},
            )
            for name in names
        ]
    )  # fmt: skip


def play(
    services: Services, script: Callable[[Kite, list[str]], Awaitable[None]], **settings: Any
) -> None:
    """Run a script beside a listening desk; it gets the server and the accounts hinted at."""

    async def run() -> None:
        kite, hints = Kite(), list[str]()
        wiring = Services(
            services.settings.model_copy(update=settings), services.store, services.clock
        )
        async with serving(kite):
            put(services, kite, "A")
            async with Listening(wiring, hints.append, pauses=QUICK).under_way():
                await script(kite, hints)
        await until(lambda: not kite.here)

    asyncio.run(run())


def test_accounts_come_and_go_without_a_restart(services: Services) -> None:
    async def script(kite: Kite, hints: list[str]) -> None:
        await until(lambda: "key-A" in kite.here)
        put(services, kite, "B")
        put(services, kite, "C", broker="PAPER")
        put(services, kite, "D", enabled=False)
        await until(lambda: "key-B" in kite.here and set(hints) == {"desk/A", "desk/B"})
        hints.clear()
        await kite.here["key-B"].send_str(UPDATE)
        await until(lambda: hints == ["desk/B"])
        services.store.disable("desk/A")
        await until(lambda: "key-A" not in kite.here)
        assert (kite.came, kite.refused) == (["key-A", "key-B"], [])

    play(services, script)


def test_a_lost_connection_is_opened_again_and_what_was_missed_is_looked_for(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(kite: Kite, hints: list[str]) -> None:
        kite.says += ["garbage", UPDATE, "x" * 70_000]
        await until(lambda: "key-A" in kite.here and len(hints) > 4)
        assert kite.came == ["key-A"] * 4
        assert hints == ["desk/A"] * 5  # one a connection, and one that was told
        await kite.here["key-A"].send_str(UPDATE)
        await until(lambda: len(hints) == 6)

    play(services, script)
    assert "a frame that is longer than 65536 bytes" in caplog.text
    assert caplog.records[-1].getMessage() == "updates of desk/A are heard again"


def test_a_dead_token_is_told_once_and_not_tried_again_until_there_is_another(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(kite: Kite, hints: list[str]) -> None:
        put(services, kite, "A", token=OTHER)
        put(services, kite, "B", token=GOOD)
        await until(lambda: bool(kite.refused) and "key-B" in kite.here)
        await asyncio.sleep(20 * QUICK.longest)
        assert kite.refused == ["key-A"]
        services.store.put_credentials("desk/A", {"access_token": GOOD})
        await until(lambda: "key-A" in kite.here)
        assert kite.refused == ["key-A"]

    play(services, script)
    ended = [text for text in caplog.messages if "the session of desk/A has ended" in text]
    assert len(ended) == 1
    assert "tradesync login desk/A" in ended[0]
    assert not any(secret in caplog.text for secret in (GOOD, OTHER, "key-A"))


def test_a_server_that_is_away_is_tried_until_it_is_back_and_told_once(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(_: Kite, hints: list[str]) -> None:
        kite, port = Kite(), free_port()
        kite.url = f"http://127.0.0.1:{port}"
        put(services, kite, "A")
        await until(lambda: "no connection to 127.0.0.1" in caplog.text)
        await asyncio.sleep(5 * QUICK.longest)
        hints.clear()
        async with serving(kite, port):
            await until(lambda: "key-A" in kite.here and bool(hints))
            assert hints == ["desk/A"]
            services.store.disable("desk/A")
            await until(lambda: not kite.here)

    play(services, script)
    assert caplog.text.count("no connection to 127.0.0.1") == 1


def test_more_accounts_than_may_be_are_left_to_the_minute(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(kite: Kite, hints: list[str]) -> None:
        put(services, kite, "B", "C")
        await until(lambda: {"key-A", "key-B"} <= kite.here.keys())
        await asyncio.sleep(5 * QUICK.books)
        assert set(kite.came) == {"key-A", "key-B"}

    play(services, script, order_updates_most=2)
    left = "not listened for, beyond TRADESYNC_ORDER_UPDATES_MOST: 1 account(s)"
    assert caplog.text.count(left) == 1


def test_a_listener_that_broke_is_told_without_its_words_and_begins_anew(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        kite, hints = Kite(), list[str]()

        def look_at(key: str) -> None:
            hints.append(key)
            if len(hints) == 1:
                raise LookupError(GOOD)

        async with serving(kite):
            put(services, kite, "A")
            async with Listening(services, look_at, pauses=QUICK).under_way():
                await until(lambda: len(kite.came) == 2 and "key-A" in kite.here)

    asyncio.run(run())
    assert "listening failed (LookupError); it begins anew" in caplog.text
    assert GOOD not in caplog.text
