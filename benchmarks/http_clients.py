"""aiohttp against httpx under the desk's load: ``python -m benchmarks.http_clients``.

Every account fetches its four books at once from a local server in a child process, which answers
10 KB of JSON after 20 ms. Each client runs in a process of its own.
"""

import argparse
import asyncio
import json
import multiprocessing
import resource
import time
from multiprocessing.connection import Connection

import aiohttp
import httpx
from aiohttp import web

LATENCY = 0.020
BOOKS = ("orders", "trades", "positions", "holdings")
BODY = json.dumps(
    {"status": "success", "data": [{"order_id": f"{n:015}", "price": n / 20} for n in range(230)]}
).encode()


async def _answer(_: web.Request) -> web.Response:
    await asyncio.sleep(LATENCY)
    return web.Response(body=BODY, content_type="application/json")


async def _serve(pipe: Connection) -> None:
    app = web.Application()
    app.router.add_get("/{book}", _answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pipe.send(runner.addresses[0][1])
    await asyncio.Event().wait()


def serve(pipe: Connection) -> None:
    asyncio.run(_serve(pipe))


async def with_aiohttp(base: str, accounts: int, connections: int) -> int:
    slots = asyncio.Semaphore(connections)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def one(book: str) -> int:
            async with slots, session.get(f"{base}/{book}") as response:
                return len(json.loads(await response.read())["data"])

        return sum(await asyncio.gather(*(one(b) for _ in range(accounts) for b in BOOKS)))


async def with_httpx(base: str, accounts: int, connections: int) -> int:
    slots = asyncio.Semaphore(connections)
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:

        async def one(book: str) -> int:
            async with slots:
                response = await client.get(f"{base}/{book}")
                return len(json.loads(response.content)["data"])

        return sum(await asyncio.gather(*(one(b) for _ in range(accounts) for b in BOOKS)))


CLIENTS = {"aiohttp": with_aiohttp, "httpx": with_httpx}


def measure(name: str, base: str, accounts: int, connections: int, pipe: Connection) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    rows = asyncio.run(CLIENTS[name](base, accounts, connections))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert rows == accounts * len(BOOKS) * 230
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pipe.send((wall, cpu, peak))


def run(name: str, base: str, accounts: int, connections: int) -> tuple[float, float, float]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=measure, args=(name, base, accounts, connections, theirs))
    child.start()
    figures: tuple[float, float, float] = ours.recv()
    child.join()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    base = f"http://127.0.0.1:{ours.recv()}"
    best: dict[str, tuple[float, float, float]] = {}
    try:
        print(f"{options.accounts} accounts x {len(BOOKS)} GETs, {len(BODY)} bytes each")
        for _ in range(options.rounds):
            for name in CLIENTS:
                wall, cpu, peak = figures = run(name, base, options.accounts, options.connections)
                print(f"{name:8} wall {wall:6.2f} s  cpu {cpu:6.2f} s  peak {peak:6.1f} MiB")
                best[name] = min(best.get(name, figures), figures)
    finally:
        server.terminate()
    ratios = [theirs / ours for ours, theirs in zip(best["aiohttp"], best["httpx"], strict=True)]
    print("httpx / aiohttp, best rounds: wall {:.2f}, cpu {:.2f}, peak {:.2f}".format(*ratios))


if __name__ == "__main__":
    main()
