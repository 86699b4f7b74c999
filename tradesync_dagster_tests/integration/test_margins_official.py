"""Our adapters and the brokers' own clients read the same funds from the exchange."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import upstox_client
from kiteconnect import KiteConnect

from tradesync_dagster.domain.answers import Margin
from tradesync_dagster.domain.money import parse_average
from tradesync_dagster_tests.integration.test_exchange_faces import sim, through, trade, url

__all__ = ["url"]  # the fixture


def kites(address: str, user: Any) -> dict[str, tuple[Any, Any]]:
    client = KiteConnect(user["api_key"], user["access_token"], root=address, timeout=60)
    found = {
        name: (row["net"], row["utilised"]["debits"]) for name, row in client.margins().items()
    }
    client.reqsession.close()
    return found


def upstoxs(address: str, user: Any) -> dict[str, tuple[Any, Any]]:
    configuration = upstox_client.Configuration()
    configuration.host = address
    configuration.access_token = user["credentials"]["UPSTOX"]["access_token"]
    client = upstox_client.UserApi(upstox_client.ApiClient(configuration))
    rows = client.get_user_fund_margin("2.0").data
    return {name: (row.available_margin, row.used_margin) for name, row in rows.items()}


@pytest.mark.parametrize(("broker", "official"), [("ZERODHA", kites), ("UPSTOX", upstoxs)])
def test_the_official_client_reads_the_same(
    url: str,
    broker: str,
    official: Callable[[str, Any], dict[str, tuple[Any, Any]]],
) -> None:
    through(url, broker, trade)
    sim(url, "/sim/step", {"steps": 3})
    ours = through(url, broker, lambda client: client.margins()).rows
    theirs = official(url, sim(url, "/sim/accounts")[1])
    assert ours == tuple(
        Margin(name, *(parse_average(Decimal(str(one))) for one in figures))
        for name, figures in theirs.items()
    )
    assert any(row.used for row in ours)
