"""One market behind every face: the same account, orders and ledger through each adapter."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from tradesync_dagster.brokers.calls import TransportPolicy
from tradesync_dagster.brokers.exchange.faces import face_of
from tradesync_dagster.brokers.exchange.server import (
    FACES,
    ExchangeConfig,
    create_app,
    running_exchange,
)
from tradesync_dagster.brokers.exchange.units import IST
from tradesync_dagster.brokers.exchange.venue import Venue
from tradesync_dagster.brokers.factory import ADAPTERS, BrokerFactory
from tradesync_dagster.brokers.limits import Window
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Fetch, OrderRequest, Outcome
from tradesync_dagster.domain.errors import BrokerError
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.ports import BrokerClient
from tradesync_dagster.domain.watermarks import Derived, derive
from tradesync_dagster_tests.support.known_fills import known_of
from tradesync_dagster_tests.support.told import compared, rounded

START = datetime(2025, 11, 19, 10, 0, tzinfo=IST)
CONFIG = ExchangeConfig(accounts=3, history_days=4, people_rate=0.5, start_at=START)
OTHERS = sorted(set(ADAPTERS) - {"ZERODHA"})
WHOLE = {"KOTAK": 2}
"""Brokers that tell funds in one sum, and with how many decimals."""
TRADELESS = {"AUTOTRADER"}
"""Brokers that tell of trades only by how far orders have filled."""
BUY = OrderRequest("NSE", "ITC", "CNC", "BUY", "MARKET", 10, tag="tsync1")
BOOKS = ("orders", "trades", "positions", "holdings")


class SystemClock:
    def now(self) -> datetime:
        return START.astimezone(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@pytest.fixture
def url() -> Iterator[str]:
    with running_exchange(CONFIG) as address:
        yield address


def sim(url: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    method = "GET" if body is None else "POST"
    return requests.request(method, url + path, json=body, timeout=60).json()


def through(url: str, broker: str, act: Callable[[BrokerClient], Awaitable[Any]]) -> Any:
    """Run something as the second account's client at a broker."""
    user = sim(url, "/sim/accounts")[1]
    account = Account(
        1, "desk", user["user_id"], broker, base_url=url, credentials=user["credentials"][broker]
    )

    async def main() -> Any:
        policy = TransportPolicy(retry_attempts=0, windows={broker: (Window(1000, 1.0),)})
        factory = BrokerFactory(Transport(SystemClock(), policy), SystemClock())
        try:
            return await act(factory.client(account))
        finally:
            await factory.close()

    return asyncio.run(main())


async def trade(client: BrokerClient) -> list[str]:
    """Place orders of every kind that both brokers take; return their ids or errors."""
    low = replace(BUY, order_type="LIMIT", price=400_000_000, quantity=7)
    future = OrderRequest("NFO", "NIFTY26JANFUT", "NRML", "BUY", "MARKET", 75)
    wanted = (
        BUY,
        replace(BUY, quantity=900, product="MIS"),
        replace(BUY, quantity=900, validity="IOC"),
        replace(BUY, exchange="BSE", side="SELL", quantity=4),
        replace(BUY, quantity=50_000),
        replace(BUY, side="SELL", quantity=90_000),
        replace(BUY, order_type="SL-M", trigger_price=450_000_000),
        replace(BUY, order_type="SL", price=451_000_000, trigger_price=450_000_000),
        replace(low, variety="amo", tag=""),
        replace(low, variety="amo"),
        replace(low, symbol="M&M", price=2_000_050_000),
        future,
        replace(future, side="SELL", quantity=150, product="MIS"),
    )
    ids = [await client.place(request) for request in wanted]
    resting = await client.place(low)
    for change in (
        {"quantity": "9"},
        {"price": "401.05"},
        {"order_type": "SL", "trigger_price": "401"},
    ):
        await client.modify(resting, change, "regular")
    await client.cancel(resting, "regular")
    await client.modify(ids[8], {"price": "399.5"}, "amo")
    await client.cancel(ids[9], "amo")
    return [*ids, resting]


async def books(client: BrokerClient) -> list[Fetch[Any]]:
    return [await getattr(client, name)() for name in BOOKS]


@pytest.mark.parametrize("broker", OTHERS)
def test_one_account_is_the_same_through_every_adapter(url: str, broker: str) -> None:
    through(url, "ZERODHA", trade)
    through(url, broker, trade)
    seen: set[str] = set()
    for days in range(2):
        sim(url, "/sim/step", {"steps": 25})
        kite, other = (through(url, name, books) for name in ("ZERODHA", broker))
        for ours, theirs in zip(kite, other, strict=True):
            assert (ours.outcome, theirs.outcome) == (Outcome.COMPLETE, Outcome.COMPLETE)
            assert (ours.rejects, theirs.rejects) == ((), ())
            if ours.kind == "trades" and broker in TRADELESS:
                assert theirs.rows == ()
            else:
                assert compared(theirs, broker) == compared(ours, broker)
            assert ours.rows or (days, ours.kind) == (1, "trades")
        seen |= {row.status.value for row in kite[0].rows}
        sim(url, "/sim/clock", {"advance_seconds": 86_400})
    assert {"executed", "cancelled", "rejected", "open", "trigger_pending", "amo"} <= seen


@pytest.mark.parametrize("broker", OTHERS)
def test_the_funds_are_the_same_through_every_adapter(url: str, broker: str) -> None:
    through(url, broker, trade)
    seen = set()
    for _ in range(3):
        kite, other = (
            through(url, name, lambda client: client.margins()) for name in ("ZERODHA", broker)
        )
        for fetch in (kite, other):
            assert (fetch.kind, fetch.outcome, fetch.rejects) == ("margins", Outcome.COMPLETE, ())
        if broker in WHOLE:
            (whole,) = other.rows
            for name in ("available", "used"):
                total = sum(getattr(row, name) for row in kite.rows)
                assert getattr(whole, name) == rounded(total, WHOLE[broker])
        else:
            assert {row.segment: row for row in other.rows} == {
                row.segment: row for row in kite.rows
            }
        seen |= {row for row in kite.rows if row.used and row.available}
        sim(url, "/sim/step", {"steps": 5})
    assert len(seen) == 3


@pytest.mark.parametrize("broker", sorted(TRADELESS))
def test_orders_that_grow_come_to_the_exchanges_trades(url: str, broker: str) -> None:
    """Read now and then, with the fills found so far as the only memory, as the sync does."""
    through(url, broker, trade)
    found: list[Fill] = []
    for steps in (0, 1, 1, 5, 1, 12, 3):
        sim(url, "/sim/clock", {"advance_seconds": 60})
        sim(url, "/sim/step", {"steps": steps})
        book = through(url, broker, lambda client: client.orders())
        grown = derive(1, book.rows, known_of(found), book.requested_at)
        assert grown.breaks == []
        found += grown.fills
        assert derive(1, book.rows, known_of(found), book.requested_at) == Derived()
    traded = through(url, "ZERODHA", lambda client: client.trades()).rows
    assert {one.broker_order_id for one in found} == {one.broker_order_id for one in traded}
    for order_id in {one.broker_order_id for one in traded}:
        ours, true = (
            [one for one in fills if one.broker_order_id == order_id] for fills in (found, traded)
        )
        quantity = sum(one.quantity for one in true)
        assert sum(one.quantity for one in ours) == quantity
        lost = sum(one.quantity * one.price for one in ours)
        lost -= sum(one.quantity * one.price for one in true)
        assert 2 * abs(lost) <= quantity  # the wire's average is rounded to a millionth
        assert max(one.filled_at for one in ours) == max(one.filled_at for one in true)
        for name in ("trade_date", "exchange", "symbol", "product", "side"):
            assert {getattr(one, name) for one in ours} == {getattr(one, name) for one in true}
    assert len(found) < len(traded)  # some of it happened between two reads
    assert len(found) > len({one.broker_order_id for one in found})


@pytest.mark.parametrize("broker", OTHERS)
def test_the_same_orders_make_the_same_ledger_at_every_broker(broker: str) -> None:
    truths, ids = [], []
    for name in ("ZERODHA", broker):
        with running_exchange(CONFIG) as url:
            ids.append(through(url, name, trade))
            sim(url, "/sim/step", {"steps": 10})
            sim(url, "/sim/clock", {"advance_seconds": 86_400})
            truths.append([sim(url, f"/sim/truth/SIM00{number}")["data"] for number in (1, 2, 3)])
    assert ids[0] == ids[1]
    assert truths[0] == truths[1]
    tags = {row["order_id"]: row["tag"] for row in truths[0][1]["orders"]}
    assert {tags[one] for one in ids[0] if one in tags} == {"tsync1", None}


@pytest.mark.parametrize("broker", sorted(ADAPTERS))
def test_an_ended_session_ends_at_every_broker(url: str, broker: str) -> None:
    user = sim(url, "/sim/accounts")[1]["user_id"]

    async def ended(client: BrokerClient) -> Any:
        assert (await client.profile())["user_id"] == user
        await asyncio.to_thread(sim, url, "/sim/logout", {"user_id": user})
        with pytest.raises(BrokerError) as caught:
            await client.profile()
        return type(caught.value).__name__, (await client.orders()).error_kind

    assert through(url, broker, ended) == ("SessionExpiredError", "SessionExpiredError")


def test_brokers_are_dealt_out_and_every_account_has_every_face() -> None:
    with running_exchange(replace(CONFIG, brokers=("ZERODHA", "UPSTOX"))) as url:
        rows = sim(url, "/sim/accounts")
    assert [row["broker"] for row in rows] == ["ZERODHA", "UPSTOX", "ZERODHA"]
    assert all(set(row["credentials"]) == set(ADAPTERS) for row in rows)
    tokens = [tuple(secrets.values()) for row in rows for secrets in row["credentials"].values()]
    assert len(set(tokens)) == len(tokens)


@pytest.mark.parametrize("brokers", [("NOPE",), ()])
def test_an_unknown_broker_is_refused(brokers: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"are some of .*UPSTOX, ZERODHA"):
        create_app(replace(CONFIG, brokers=brokers))


@pytest.mark.parametrize(
    ("path", "broker"),
    [("/orders", "ZERODHA"), ("/v2/nothing", "UPSTOX"), ("/v3/order/place", "UPSTOX"),
     ("/v1/x", "ZERODHA"), ("/trading/readPlatformOrders", "AUTOTRADER"),
     ("/trading", "ZERODHA"), ("/sim/health", "ZERODHA"), ("/quick/user/orders", "KOTAK"),
     ("/portfolio/v1/holdings", "KOTAK"), ("/portfolio/holdings", "ZERODHA"),
     ("/paper/orders", "PAPER"), ("/paper", "ZERODHA")],
)  # fmt: skip
def test_a_path_belongs_to_one_face(path: str, broker: str) -> None:
    venue = Venue(CONFIG.genesis(), None, lambda: START)
    for order in (FACES, tuple(reversed(FACES))):
        assert face_of([make(venue) for make in order], path).broker == broker
