"""Adapters over answers out of a can: no network, so that a hundred thousand of them are quick."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from tradesync_dagster.brokers.calls import Answer, Call
from tradesync_dagster.brokers.factory import ADAPTERS
from tradesync_dagster.brokers.scrubbing import scrubbed
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.ports import BrokerClient
from tradesync_dagster_tests.support.clocks import MovingClock

NOW = datetime(2025, 11, 19, 5, 0, tzinfo=UTC)
JSON = {"Content-Type": "application/json"}
Give = Callable[[Call], tuple[int, bytes, Mapping[str, str]]]


class Canned:
    """Stands in for the transport and gives what it is told."""

    def __init__(self, give: Give) -> None:
        self.give = give

    async def request(self, call: Call) -> Answer:
        status, body, headers = self.give(call)
        return Answer(status, scrubbed(body, call.headers), headers, NOW, 0.01, 1, NOW)


ONLY_SECRET = {"AUTOTRADER": "api_key"}
"""What brokers that have no other secret call theirs."""


def client(broker: str, give: Give, credentials: Mapping[str, str]) -> BrokerClient:
    if broker in ONLY_SECRET:
        credentials = {ONLY_SECRET[broker]: credentials["access_token"]}
    transport: Any = Canned(give)
    account = Account(1, "O", "A", broker, base_url="http://x.example", credentials=credentials)
    return ADAPTERS[broker](account, transport, MovingClock(NOW))
