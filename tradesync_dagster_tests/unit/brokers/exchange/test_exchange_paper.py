"""Paper accounts at the exchange: opened over HTTP, left to their owner, there after a restart."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from kiteconnect import KiteConnect

from tradesync_dagster.brokers.calls import TransportPolicy
from tradesync_dagster.brokers.exchange.orders import RefusedError
from tradesync_dagster.brokers.exchange.server import (
    ExchangeConfig,
    running_exchange,
    start_background,
)
from tradesync_dagster.brokers.exchange.units import IST, SCALE, parse
from tradesync_dagster.brokers.exchange.venue import Venue
from tradesync_dagster.brokers.paper import PaperClient, open_account
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import OrderRequest
from tradesync_dagster.domain.errors import (
    BrokerError,
    BrokerUnavailableError,
    SessionExpiredError,
)
from tradesync_dagster.domain.orders import OrderStatus
from tradesync_dagster_tests.support.clocks import MovingClock
from tradesync_dagster_tests.support.ports import free_port
from tradesync_dagster_tests.support.wire import say, serving

START = datetime(2026, 11, 19, 10, 0, tzinfo=IST)
CONFIG = ExchangeConfig(accounts=0, people_rate=0, start_at=START)
BUY = OrderRequest("NSE", "ITC", "CNC", "BUY", "MARKET", 10, tag="ts1")


@pytest.fixture
def url() -> Iterator[str]:
    with running_exchange(CONFIG) as address:
        yield address


def sim(url: str, path: str, body: Any = None) -> Any:
    answer = requests.request("GET" if body is None else "POST", url + path, json=body, timeout=60)
    return answer.json()


def at(url: str, act: Callable[[Transport], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        transport = Transport(MovingClock(START), TransportPolicy(retry_attempts=0))
        try:
            return await act(transport)
        finally:
            await transport.close()

    return asyncio.run(main())


def opened(url: str, cash: str = "1000000", name: str = "main") -> Account:
    account = Account(1, "acme", name, "PAPER", base_url=url)
    found = at(url, lambda transport: open_account(transport, account, cash))
    assert tuple(found.credentials) == PaperClient.CREDENTIALS
    return replace(account, credentials={**found.credentials, "cash": found.cash})


def through(account: Account, act: Callable[[PaperClient], Awaitable[Any]]) -> Any:
    clock = MovingClock(START)
    return at(account.base_url, lambda transport: act(PaperClient(account, transport, clock)))


async def books(client: PaperClient) -> list[Any]:
    return [
        (await getattr(client, name)()).rows
        for name in ("orders", "trades", "positions", "holdings", "margins")
    ]


def test_an_account_is_opened_once_and_then_found(url: str) -> None:
    first = opened(url, "250000.50")
    assert first.credentials["cash"] == "250000.5"
    again = opened(url, "9")
    assert again.credentials == first.credentials
    assert (
        opened(url, "7", "other").credentials["access_token"] != first.credentials["access_token"]
    )
    assert through(first, lambda client: client.profile()) == {
        "user_id": "acme:main", "user_name": "Simulated Client acme:main",
    }  # fmt: skip
    rows = sim(url, "/sim/accounts")
    assert [(row["user_id"], row["broker"], row["opened"]) for row in rows] == [
        ("acme:main", "PAPER", True), ("acme:other", "PAPER", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"cash": "5"}, "user_id"),
        ({"user_id": "a/b", "cash": "5"}, "user_id"),
        ({"user_id": "a" * 130, "cash": "5"}, "user_id"),
        ({"user_id": ["a"], "cash": "5"}, "user_id"),
        ({"user_id": "a"}, "cash"),
        ({"user_id": "a", "cash": "0"}, "cash"),
        ({"user_id": "a", "cash": "-5"}, "cash"),
        ({"user_id": "a", "cash": "1e40"}, "cash"),
        ({"user_id": "a", "cash": "0.0000001"}, "cash"),
        ({"user_id": "a", "cash": {"a": 1}}, "cash"),
        ({"user_id": "a", "cash": "5", "charges": "no"}, "charges"),
        ([], "JSON object"),
    ],
)
def test_what_is_no_account_is_refused(url: str, body: Any, words: str) -> None:
    told = sim(url, "/sim/accounts", body)
    assert told["status"] == "error"
    assert words in told["message"]
    assert sim(url, "/sim/accounts") == []


def test_trading_costs_and_the_margins_show_it(url: str) -> None:
    account = opened(url)

    async def trade(client: PaperClient) -> Any:
        await client.place(BUY)
        return (await client.margins()).rows, (await client.trades()).rows

    margins, trades = through(account, trade)
    spent = sum(one.quantity * one.price for one in trades)
    told = sim(url, "/sim/charges/acme:main")["data"]
    assert len(told["trades"]) == len(trades) > 0
    cost = parse(told["all"]["total"])
    assert cost > 0
    assert margins[0].available == 10**6 * SCALE - spent - cost
    assert sim(url, "/sim/charges/nobody")["message"] == "There is no such account."


def test_an_account_without_charges_keeps_them(url: str) -> None:
    body = {"user_id": "free", "cash": "1000", "charges": False}
    assert sim(url, "/sim/accounts", body)["data"]["cash"] == "1000"
    buy = {"user_id": "free", "tradingsymbol": "IDEA", "exchange": "NSE", "quantity": 2}
    sim(url, "/sim/orders", buy | {"transaction_type": "BUY"})
    told = sim(url, "/sim/charges/free")["data"]
    assert (told["charged"], told["trades"], told["all"]["total"]) == (False, [], "0")
    known = sim(url, "/sim/truth/free")["data"]
    value = sum(row["quantity"] * parse(row["price"]) for row in known["fills"])
    assert parse(known["cash"]) == 1000 * SCALE - value


def test_an_order_beyond_the_cash_is_rejected_and_says_by_how_much(url: str) -> None:
    account = opened(url, "1000")

    async def trade(client: PaperClient) -> Any:
        order_id = await client.place(replace(BUY, quantity=100))
        return order_id, (await client.orders()).rows

    order_id, (order,) = through(account, trade)
    assert (order.broker_order_id, order.status) == (order_id, OrderStatus.REJECTED)
    assert "Insufficient funds" in order.message
    assert "available margin is 1000.00" in order.message


def test_people_leave_paper_accounts_alone() -> None:
    with running_exchange(replace(CONFIG, accounts=2, people_rate=1.0)) as url:
        opened(url)
        sim(url, "/sim/step", {"steps": 20})
        orders = [
            sim(url, f"/sim/truth/{user}")["data"]["orders"] for user in ("acme:main", "SIM001")
        ]
        assert (orders[0], len(orders[1]) > 0) == ([], True)
        taken = sim(url, "/sim/accounts", {"user_id": "SIM001", "cash": "5"})
        assert taken["message"] == "There is another account of that name."


def test_paper_accounts_change_nothing_for_the_others() -> None:
    def lived(*, paper: bool) -> Any:
        venue = Venue(replace(CONFIG, accounts=3, people_rate=0.7).genesis(), None, lambda: START)
        if paper:
            venue.open_account("acme:main", 5 * SCALE, charged=True)
        venue.step(30)
        return [venue.market.accounts[f"SIM00{n}"].cash for n in (1, 2, 3)]

    assert lived(paper=True) == lived(paper=False)


def test_everything_is_there_after_a_crash(tmp_path: Path) -> None:
    config = replace(CONFIG, journal=tmp_path / "paper.journal")

    async def trade(client: PaperClient) -> None:
        low = replace(BUY, order_type="LIMIT", price=400_000_000)
        await client.place(replace(BUY, quantity=700))
        resting = await client.place(low)
        await client.modify(resting, {"quantity": "12"}, "regular")
        await client.cancel(await client.place(low), "regular")
        await client.place(replace(BUY, quantity=90_000))

    with start_background(config, port=free_port()) as running:
        account = opened(running.url)
        through(account, trade)
        sim(running.url, "/sim/step", {"steps": 20})
        sim(running.url, "/sim/clock", {"advance_seconds": 86_400})
        through(account, trade)
        before = through(account, books)
        charged = sim(running.url, "/sim/charges/acme:main")
        running.kill()
    with start_background(config, port=running.port) as again:
        assert again.url == account.base_url
        assert through(account, books) == before
        assert sim(again.url, "/sim/charges/acme:main") == charged
        assert opened(again.url).credentials["access_token"] == account.credentials["access_token"]
    assert [len(rows) for rows in before] == [4, len(before[1]), 1, 1, 2]
    assert {order.status for order in before[0]} >= {
        OrderStatus.OPEN, OrderStatus.CANCELLED, OrderStatus.REJECTED,
    }  # fmt: skip


def test_an_exchange_that_began_anew_does_not_know_the_account(url: str) -> None:
    account = opened(url)
    with running_exchange(CONFIG) as other:
        moved = replace(account, base_url=other)
        fetch = through(moved, lambda client: client.orders())
        assert (fetch.rows, fetch.error_kind) == ((), SessionExpiredError.__name__)
        with pytest.raises(SessionExpiredError) as caught:
            through(moved, lambda client: client.place(BUY))
    told = str(caught.value)
    assert "the exchange does not know acme/main" in told
    assert "`tradesync accounts add acme/main --broker PAPER`" in told
    assert account.credentials["access_token"] not in told


@pytest.mark.parametrize("door", ["/orders", "/paper/orders"])
def test_a_token_is_good_at_its_own_door_alone(url: str, door: str) -> None:
    account = opened(url)
    (row,) = sim(url, "/sim/accounts")
    right = "PAPER" if door.startswith("/paper") else "ZERODHA"
    for broker in ("PAPER", "ZERODHA"):
        given = row["credentials"][broker]
        headers = {"Authorization": f"token {given['api_key']}:{given['access_token']}"}
        answer = requests.get(url + door, headers=headers, timeout=60)
        assert answer.status_code == (200 if broker == right else 403)
    assert account.credentials["access_token"] == row["credentials"]["PAPER"]["access_token"]


def test_the_official_client_of_kite_trades_in_a_paper_account(url: str) -> None:
    """It knows no path before Kite's own, so it comes by Kite's door, to the same account."""
    account = opened(url)
    (row,) = sim(url, "/sim/accounts")
    client = KiteConnect(row["api_key"], root=url)
    client.generate_session(row["request_token"], row["api_secret"])
    order_id = client.place_order(
        variety="regular", exchange="NSE", tradingsymbol="ITC", transaction_type="BUY",
        quantity=3, product="CNC", order_type="MARKET",
    )  # fmt: skip
    client.reqsession.close()
    (order,) = through(account, lambda client: client.orders()).rows
    assert (order.broker_order_id, order.filled_quantity) == (order_id, 3)


def test_opening_tells_what_stood_in_the_way() -> None:
    account = Account(1, "acme", "main", "PAPER", base_url="http://127.0.0.1:9")

    def fails(url: str, kind: type[Exception]) -> str:
        wanted = replace(account, base_url=url)
        with pytest.raises(kind) as caught:
            at(url, lambda transport: open_account(transport, wanted, "5"))
        return f"{type(caught.value).__name__} {caught.value}"

    assert "127.0.0.1" in fails("http://127.0.0.1:9", BrokerUnavailableError)

    async def answered(step: Any) -> str:
        async with serving(step) as server:
            return await asyncio.to_thread(fails, server.url, BrokerError)

    for text in ("<html>", "[]", '{"status": "success", "data": []}'):
        assert "UnreadableAnswer" in asyncio.run(answered(say(text=text)))
    assert "RefusedRequest" in asyncio.run(answered(say(404)))


def test_the_exchanges_own_accounts_are_not_opened_again() -> None:
    venue = Venue(replace(CONFIG, accounts=1).genesis(), None, lambda: START.astimezone(UTC))
    with pytest.raises(RefusedError, match="another account"):
        venue.open_account("SIM001", SCALE, charged=True)
