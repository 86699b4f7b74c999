"""The transport under load, and how fast an order book is read.

1,000 accounts ask for four books each of the simulated exchange, which answers after 100 ms. The
ideal is that latency alone: calls / connections x 100 ms. Then one book of 2,000 orders is read by
our adapter and by the broker's official client, from the same bytes and without a network. Ours
checks every field and reads prices exactly; kiteconnect leaves floats in dictionaries, and Upstox's
makes objects with floats.
"""

import argparse
import asyncio
import json
import multiprocessing
import resource
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

import requests
import upstox_client
import urllib3
from kiteconnect import KiteConnect

from tradesync_dagster.bootstrap import SystemClock
from tradesync_dagster.brokers.calls import Answer, Call, TransportPolicy
from tradesync_dagster.brokers.exchange.server import ExchangeConfig, running_exchange
from tradesync_dagster.brokers.factory import ADAPTERS, BrokerFactory
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Outcome

BOOKS = ("orders", "trades", "positions", "holdings")
SECRETS = {"api_key": "benchmark-key", "access_token": "benchmark-token"}
LATENCY = 0.1


def _ask(url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data)  # noqa: S310 - the exchange's own address
    with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310
        return json.load(response)


def _load(url: str, users: list[dict[str, Any]], connections: int, pipe: Connection) -> None:
    """Be the client process: ask for every book of every account, and tell what it cost."""

    async def main() -> float:
        transport = Transport(SystemClock(), TransportPolicy(connections=connections))
        factory = BrokerFactory(transport, SystemClock())
        clients: list[Any] = [
            factory.client(
                Account(
                    n, "O", user["user_id"], "ZERODHA", base_url=url,
                    credentials={name: user[name] for name in SECRETS},
                )
            )
            for n, user in enumerate(users)
        ]  # fmt: skip
        begun = time.perf_counter()
        fetches = await asyncio.gather(
            *(getattr(client, book)() for client in clients for book in BOOKS)
        )
        wall = time.perf_counter() - begun
        assert all(fetch.outcome is Outcome.COMPLETE for fetch in fetches)
        await factory.close()
        return wall

    cpu = time.process_time()
    wall = asyncio.run(main())
    cpu = time.process_time() - cpu
    pipe.send((wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def load(accounts: int, connections: int) -> tuple[float, float, float]:
    """Measure the fetch of all books; wall seconds, CPU seconds and peak MiB of the client."""
    context = multiprocessing.get_context("spawn")
    config = ExchangeConfig(accounts=accounts, people_rate=1.0, latency_ms=LATENCY * 1000)
    with running_exchange(config) as url:
        _ask(f"{url}/sim/step", {"steps": 20})
        ours, theirs = context.Pipe()
        arguments = (url, _ask(f"{url}/sim/accounts"), connections, theirs)
        child = context.Process(target=_load, args=arguments)
        child.start()
        figures: tuple[float, float, float] = ours.recv()
        child.join()
    return figures


ORDER = {
    "exchange_order_id": "1100000000000042", "parent_order_id": None, "status_message": None,
    "order_timestamp": "2025-11-03 09:20:11", "exchange_timestamp": "2025-11-03 09:20:12",
    "exchange": "NSE", "tag": "ts1", "order_type": "LIMIT", "transaction_type": "BUY",
    "validity": "DAY", "quantity": 10, "price": 401.05, "trigger_price": 0,
    "average_price": 401.03, "filled_quantity": 10, "pending_quantity": 0,
}  # fmt: skip
KITE = ORDER | {
    "status": "COMPLETE", "variety": "regular", "exchange_update_timestamp": "2025-11-03 09:31:00",
    "tradingsymbol": "ITC", "product": "CNC", "cancelled_quantity": 0,
}  # fmt: skip
UPSTOX = ORDER | {
    "status": "complete", "variety": "SIMPLE", "trading_symbol": "ITC-EQ", "product": "D",
    "instrument_token": "NSE_EQ|INE154A01025", "is_amo": False, "disclosed_quantity": 0,
    "tradingsymbol": "ITC-EQ", "order_ref_id": "57744821658411", "guid": None,
}  # fmt: skip
"""An order as each broker tells it."""


def _book(row: dict[str, Any], orders: int) -> bytes:
    rows = [row | {"order_id": f"2511030{number:08d}"} for number in range(orders)]
    return json.dumps({"status": "success", "data": rows}).encode()


def _rate(read: Any, orders: int) -> float:
    rates = []
    for _ in range(5):
        begun = time.perf_counter()
        assert read() == orders
        rates.append(orders / (time.perf_counter() - begun))
    return max(rates)


def _ours(broker: str, body: bytes) -> Callable[[], int]:
    now = datetime(2025, 11, 3, 10, tzinfo=UTC)

    class Canned:
        async def request(self, _: Call) -> Answer:
            return Answer(200, body, {"Content-Type": "application/json"}, now, 0.0, 1, now)

    transport: Any = Canned()
    account = Account(1, "O", "A", broker, credentials=SECRETS)
    client: Any = ADAPTERS[broker](account, transport, SystemClock())
    return lambda: len(asyncio.run(client.orders()).rows)


def _kiteconnect(body: bytes) -> Callable[[], int]:
    official = KiteConnect(**SECRETS)
    response = requests.Response()
    response.status_code, response._content = 200, body  # noqa: SLF001 - as if it had been read
    response.headers["Content-Type"] = "application/json"
    official.reqsession.request = lambda *_, **__: response
    return lambda: len(official.orders())


def _upstox_client(body: bytes) -> Callable[[], int]:
    client = upstox_client.ApiClient(upstox_client.Configuration())
    client.rest_client.pool_manager.request = lambda *_, **__: urllib3.HTTPResponse(
        body, status=200
    )
    api = upstox_client.OrderApi(client)
    return lambda: len(api.get_order_book("2.0").data)


OFFICIAL = {
    "ZERODHA": ("kiteconnect", _kiteconnect, KITE),
    "UPSTOX": ("upstox-python-sdk", _upstox_client, UPSTOX),
}


def parse_rates(broker: str, orders: int) -> tuple[float, float]:
    """Measure how many orders a second our adapter and the official client read."""
    _, official, row = OFFICIAL[broker]
    body = _book(row, orders)
    return _rate(_ours(broker, body), orders), _rate(official(body), orders)


def run(accounts: int = 1000, connections: int = 256) -> Iterator[tuple[str, str]]:
    """Measure, and give figures by name."""
    wall, cpu, peak = load(accounts, connections)
    calls = accounts * len(BOOKS)
    ideal = calls / connections * LATENCY
    yield (
        f"{accounts} accounts x {len(BOOKS)} books at {LATENCY * 1000:.0f} ms",
        f"wall {wall:.2f} s (ideal {ideal:.2f} s), CPU {cpu:.2f} s, peak {peak:.0f} MiB",
    )
    for broker, (name, *_) in OFFICIAL.items():
        ours, official = parse_rates(broker, 2000)
        yield (
            f"{broker} orders read a second",
            f"adapter {ours:,.0f}, {name} {official:,.0f} (x {ours / official:.2f})",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=256)
    options = parser.parse_args()
    for name, figure in run(options.accounts, options.connections):
        print(f"{name}: {figure}")


if __name__ == "__main__":
    main()
