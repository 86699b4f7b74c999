"""The overview of 1,000 accounts under load: requests a second, by what is kept and what is sent.

The pages run in a process of their own, the load in this one, over keep-alive connections, both on
the same machine. "Made anew" is a server that keeps nothing of the page; the others are what people
meet. On SQLite, and on PostgreSQL where one answers. Read the figures of one run as ratios.
"""

import asyncio
import logging
import multiprocessing
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import Table, insert
from sqlalchemy.exc import OperationalError

from benchmarks.moderation import books
from tradesync_dagster.api.app import create_app
from tradesync_dagster.api.pages.kept import Part, ShortMemory
from tradesync_dagster.api.pages.visitors import ROOT
from tradesync_dagster.api.server import server_of
from tradesync_dagster.bootstrap import SystemClock, open_services
from tradesync_dagster.bootstrap.dagster_graphql import Dagster
from tradesync_dagster.bootstrap.people import DeskPeople
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.people import Role
from tradesync_dagster.settings import Settings
from tradesync_dagster.store import book_tables, tables
from tradesync_dagster.store.schema import UtcDateTime
from tradesync_dagster.store.store import SqlStore

_PASSWORD = "five words and no more"  # noqa: S105 - of books that are thrown away
_ORDERS_EACH = 5
_CONNECTIONS = 8


def _row(table: Table, **given: Any) -> dict[str, Any]:
    """Fill the columns that must have something and were not given."""
    blank: dict[str, Any] = {}
    for column in table.columns:
        if not column.nullable and column.server_default is None:
            moment = isinstance(column.type, UtcDateTime)
            blank[column.name] = SystemClock().now() if moment else ""
            if not moment and column.type.python_type is int:
                blank[column.name] = 0
    return blank | given


def fill(store: SqlStore, accounts: int) -> None:
    """Put accounts into the books, each with a sync, orders of today and two positions."""
    store.put_accounts([Account(0, "bench", f"ACC{n:04d}", "ZERODHA") for n in range(accounts)])
    now = SystemClock().now()
    ids = [one.account_id for one in store.accounts()]
    day = {"trade_date": trade_date_of(now)}
    with store.writing() as connection:
        for table, rows in (
            (tables.sync_results, [{"tick_id": "one", "status": "success", "results": {},
                                    "started_at": now - timedelta(minutes=2)} for _ in range(1)]),
            (tables.orders, [{"order_id": None, "status": "open", "origin": "external",
                              "broker_order_id": str(n)} | day for n in range(_ORDERS_EACH)]),
            (book_tables.positions, [{"symbol": symbol, "realised_pnl": "12345670000",
                                      "unrealised_pnl": "-98765000"} for symbol in "AB"]),
        ):  # fmt: skip
            filled = [_row(table, account_id=one, **row) for one in ids for row in rows]
            for row in filled if table is tables.orders else ():
                row |= {"order_id": uuid4(), "parts": []}
            connection.execute(insert(table), filled)


class Forgetful(ShortMemory):
    """Keeps nothing."""

    def fresh(self, organization: str | None) -> Part | None:  # noqa: ARG002 - as it is asked
        """Return nothing."""
        return None

    def get(self, organization: str | None, make: Callable[[], bytes]) -> Part:  # noqa: ARG002
        """Make the part."""
        return Part(make())


def _serve(database: str, home: str, port: int, kept: bool) -> None:  # noqa: FBT001 - a process's
    """Serve until the process is ended."""
    settings: Any = {"home": home, "database_url": database, "_env_file": None}
    app = create_app(open_services(Settings(**settings)), Dagster("http://127.0.0.1:9", 1))
    if not kept:
        (mounted,) = (one for one in app.routes if getattr(one, "path", "") == ROOT)
        mounted.app.app.state.memory = Forgetful(str)  # type: ignore[attr-defined]
    server = server_of(app)
    for name in ("uvicorn.access", "uvicorn.error"):
        logging.getLogger(name).disabled = True  # no line a request
    server.run(sockets=[socket.create_server(("127.0.0.1", port))])


@contextmanager
def _served(store: SqlStore, home: str, *, kept: bool) -> Iterator[httpx.Client]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = store.engine.url.render_as_string(hide_password=False)
    serving = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(url, home, port, kept), daemon=True
    )
    serving.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            _sign_in(client)
            yield client
    finally:
        serving.terminate()
        serving.join(30)


def _sign_in(client: httpx.Client) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            page = client.get("/desk/sign-in").text
            break
        except httpx.ConnectError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    token = page.partition('name="form_token" value="')[2].partition('"')[0]
    sent = {"form_token": token, "name": "bench", "password": _PASSWORD, "next": ""}
    client.post("/desk/sign-in", data=sent)
    assert client.get("/desk/").status_code == 200


async def _ask(head: str, port: int, until: float, *, again: bool) -> list[float]:
    """Ask one request after the other over one connection, and tell how long each took."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
    spent, tag = [], "none"
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(f"{head}If-None-Match: {tag}\r\n\r\n".encode())
        told = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        assert told.startswith(("http/1.1 200", "http/1.1 304")), told
        length = told.partition("content-length: ")[2].partition("\r\n")[0]
        await reader.readexactly(int(length or 0))
        if again:
            tag = told.partition("etag: ")[2].partition("\r\n")[0].replace("w/", "W/")
        spent.append(time.perf_counter() - began)
    writer.close()
    return spent


def load(client: httpx.Client, seconds: float, *, packed: bool = False, again: bool = False) -> str:
    """Ask for the overview over several connections at once.

    Args:
        client: Signed in.
        seconds: For how long.
        packed: Whether gzip is asked for.
        again: Whether each request names what the one before got.

    Returns:
        Requests a second, and the median and the 99th percentile of their times.
    """
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    head = f"GET /desk/ HTTP/1.1\r\nHost: bench\r\nCookie: {cookies}\r\n"
    head += "Accept-Encoding: gzip\r\n" if packed else ""
    port = client.base_url.port or 0

    async def together() -> list[list[float]]:
        until = time.perf_counter() + seconds
        asking = (_ask(head, port, until, again=again) for _ in range(_CONNECTIONS))
        return await asyncio.gather(*asking)

    spent = sorted(one for each in asyncio.run(together()) for one in each)
    p50, p99 = (1000 * spent[int(len(spent) * part)] for part in (0.5, 0.99))
    return f"{len(spent) / seconds:.0f} requests/s, p50 {p50:.0f}, p99 {p99:.0f} ms"


def _measured(store: SqlStore, seconds: float) -> Iterator[tuple[str, str]]:
    with TemporaryDirectory() as home:
        with _served(store, home, kept=False) as client:
            yield "made anew", load(client, seconds)
        with _served(store, home, kept=True) as client:
            answer = client.get("/desk/")
            size = len(answer.content) // 1024
            yield f"kept, {size} KiB", load(client, seconds)
            yield "kept, gzip", load(client, seconds, packed=True)
            yield "kept, told what is there", load(client, seconds, packed=True, again=True)


def run(accounts: int = 1_000, seconds: float = 10) -> list[tuple[str, str]]:
    """Measure both databases.

    Args:
        accounts: On the overview.
        seconds: For each figure.

    Returns:
        (what, figure) rows.
    """
    rows = []
    for kind in ("sqlite", "postgresql"):
        try:
            with books(kind) as store:
                fill(store, accounts)
                DeskPeople(store, SystemClock()).add("bench", "bench", Role.VIEWER, _PASSWORD)
                rows += [(f"{kind}: {name}", figure) for name, figure in _measured(store, seconds)]
        except OperationalError:
            rows.append((f"{kind}: the overview", "no server answers"))
    return rows


if __name__ == "__main__":
    for what, figure in run():
        print(f"{what}: {figure}")
