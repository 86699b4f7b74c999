"""Clients by a broker's name: what an account lacks is named, each client keeps to itself."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pytest

from tradesync_dagster.brokers.factory import ADAPTERS, BrokerFactory
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.domain import errors
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Fetch
from tradesync_dagster_tests.support.clocks import MovingClock
from tradesync_dagster_tests.support.wire import say, serving

SECRET = "tokt0kt0k"
WRONG = [
    (broker, name, value)
    for broker, adapter in ADAPTERS.items()
    for name, values in {
        **dict.fromkeys(adapter.CREDENTIALS, ("", "a\nb")),
        "base_url": ("ftp://x",),
    }.items()
    for value in values
]


def factory() -> BrokerFactory:
    clock = MovingClock()
    return BrokerFactory(Transport(clock), clock)


def account(broker: str, base_url: str = "", **changed: str) -> Account:
    names = ADAPTERS[broker].CREDENTIALS if broker in ADAPTERS else ()
    credentials: Mapping[str, str] = dict.fromkeys(names, SECRET) | changed
    return Account(1, "ORG", "A1", broker, base_url=base_url, credentials=credentials)


@pytest.mark.parametrize(("broker", "name", "value"), WRONG)
def test_what_is_wrong_with_an_account_is_named_without_its_secrets(
    broker: str, name: str, value: str
) -> None:
    assert factory().client(account(broker)) is not None
    with pytest.raises(errors.ConfigurationError, match=f"^ORG/A1: its {name} ") as info:
        factory().client(account(broker, **{name: value}))
    assert SECRET not in str(info.value)


def test_a_broker_without_an_adapter_is_refused_with_those_that_have_one() -> None:
    with pytest.raises(errors.UnknownBrokerError, match=r"ORG/A1: .*'NOPE'.*KOTAK.*ZERODHA"):
        factory().client(account("NOPE"))


def test_what_one_client_knows_is_not_anothers_of_the_same_account() -> None:
    told = json.dumps({"status": "success", "data": []})
    known = {"trades": hashlib.sha256(told.encode()).hexdigest()}

    async def main() -> list[Fetch[Any]]:
        async with serving(say(text=told)) as server:
            clients = factory()
            same = account("ZERODHA", server.url)
            made = [clients.client(same, one) for one in ({}, known, {})]
            try:
                return [await client.trades() for client in made]
            finally:
                await clients.close()

    assert [fetch.unread is None for fetch in asyncio.run(main())] == [True, False, True]
