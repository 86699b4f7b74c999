"""One account at any broker of the registry, every book filled, over the simulated exchange.

A new broker joins by a line in ``BROKERS``.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from aiohttp import ClientSession, web

from tradesync_dagster.brokers.calls import TransportPolicy
from tradesync_dagster.brokers.exchange import orders as sim
from tradesync_dagster.brokers.exchange.faces import VENUE
from tradesync_dagster.brokers.exchange.server import ExchangeConfig, create_app
from tradesync_dagster.brokers.exchange.units import IST
from tradesync_dagster.brokers.exchange.venue import Venue
from tradesync_dagster.brokers.factory import BrokerFactory
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Fetch, OrderRequest
from tradesync_dagster.domain.ports import BrokerClient
from tradesync_dagster_tests.support.clocks import MovingClock

START = datetime(2025, 11, 19, 10, 0, tzinfo=IST)
USER = "SIM001"
POLICY = TransportPolicy(timeout_seconds=20.0, retry_attempts=1, retry_delay=0.0)
SHORT = replace(POLICY, timeout_seconds=1.0)
"""For answers that never come: a busy machine must not make others as late."""
REQUEST = OrderRequest("NSE", "ITC", "CNC", "BUY", "MARKET", 5, tag="ts1")
BROKERS = {
    "AUTOTRADER": REQUEST,
    "KOTAK": REQUEST,
    "PAPER": REQUEST,
    "UPSTOX": REQUEST,
    "ZERODHA": REQUEST,
}
"""What is placed at each broker."""
WRITES = {"place": "POST", "modify": "PUT", "cancel": "DELETE"}
POSTED = {"AUTOTRADER", "KOTAK"}
"""Brokers whose changes and cancellations are POSTs too."""
READS = ("orders", "trades", "positions", "holdings", "margins")
TRADELESS = {"AUTOTRADER"}
"""Brokers that are not asked for trades: they have none."""
BOOKS = [
    (broker, book)
    for broker in sorted(BROKERS)
    for book in READS
    if book != "trades" or broker not in TRADELESS
]
"""What can be read at each broker."""
OF_ROWS = [(broker, book) for broker, book in BOOKS if book != "margins"]
"""Books of which any row may be missing: margins come as an object of segments at most brokers."""

Act = Callable[["Desk"], Awaitable[None]]


def method(broker: str, name: str) -> str:
    """Tell how a write is sent."""
    return "POST" if broker in POSTED else WRITES[name]


class Desk:
    """One account with every book filled, its client, and the exchange behind it."""

    def __init__(self, client: BrokerClient, venue: Venue, arm: Any, transport: Transport) -> None:
        self.client = client
        self.venue = venue
        self.arm = arm
        self.transport = transport
        bought = sim.OrderRequest("INFY", "NSE", "BUY", 5, "MIS")
        waiting = sim.OrderRequest("ITC", "NSE", "BUY", 7, "CNC", "LIMIT", self.price("NSE:ITC"))
        for _ in range(3):
            venue.place(USER, bought, by_hand=True)
        self.open_order = venue.place(USER, waiting)

    def price(self, key: str) -> int:
        """Give a price on the tick, too low to be filled today."""
        return self.venue.market.tape.closes[key] * 96 // 100 // 50_000 * 50_000

    @property
    def orders(self) -> list[sim.Order]:
        return list(self.venue.market.accounts[USER].orders.values())

    def sent(self, method: str = "") -> int:
        rows = self.transport.timings()
        return sum(row.count for row in rows if row.endpoint.startswith(method))

    async def read(self, book: str) -> Fetch[Any]:
        fetch: Fetch[Any] = await getattr(self.client, book)()
        return fetch

    async def write(self, name: str) -> str:
        order_id = self.open_order.order_id
        if name == "place":
            return await self.client.place(REQUEST)
        if name == "modify":
            return await self.client.modify(order_id, {"quantity": "9"}, "regular")
        return await self.client.cancel(order_id, "regular")

    def done(self, name: str) -> bool:
        """Tell from the exchange's own books whether a write was carried out."""
        if name == "place":
            return [order.tag for order in self.orders].count(REQUEST.tag) == 1
        if name == "modify":
            return self.open_order.quantity == 9
        return self.open_order.status == "CANCELLED"


def play(broker: str, act: Act) -> None:
    """Open a desk at a broker and act on it."""

    async def main() -> None:
        app = create_app(ExchangeConfig(accounts=1, people_rate=0, history_days=8, start_at=START))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        clock = MovingClock(START)
        transport = Transport(clock, POLICY, random.Random(1))
        async with ClientSession() as session:
            async with session.get(f"{url}/sim/accounts") as response:
                (user,) = await response.json()

            async def arm(kind: str, **more: Any) -> None:
                if kind == "hang":
                    assert not transport.timings()  # a connection keeps the patience it began with
                    transport.policy = SHORT
                body = {"kind": kind, "times": 0, "user_id": USER} | more
                async with session.post(f"{url}/sim/faults", json=body) as response:
                    assert response.status == 200, await response.text()

            account = Account(
                1, "O", "A", broker, base_url=url, credentials=user["credentials"][broker]
            )
            client = BrokerFactory(transport, clock).client(account)
            try:
                await act(Desk(client, app[VENUE], arm, transport))
            finally:
                await transport.close()
                await runner.cleanup()

    asyncio.run(main())
