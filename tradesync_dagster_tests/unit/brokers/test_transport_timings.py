"""Response times by broker and endpoint."""

import asyncio
import random

import pytest

from tradesync_dagster.brokers.calls import TransportPolicy
from tradesync_dagster.brokers.timings import Timings, template
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.domain import errors
from tradesync_dagster.domain.results import ResponseTime
from tradesync_dagster_tests.support.clocks import MovingClock
from tradesync_dagster_tests.support.wire import (
    HURRIED,
    hang,
    read,
    say,
    serving,
    write,
)


@pytest.mark.parametrize(
    ("path", "folded"),
    [
        ("/orders", "/orders"),
        ("/orders/regular/251103000000011", "/orders/regular/{id}"),
        ("/orders/9/trades", "/orders/{id}/trades"),
        ("/v2/order/retrieve-all", "/v2/order/retrieve-all"),
        ("/v2/portfolio/x-1a2b", "/v2/portfolio/{id}"),
        ("/", "/"),
    ],
)
def test_ids_are_folded(path: str, folded: str) -> None:
    assert template("GET", path) == f"GET {folded}"


def test_tries_are_counted_by_endpoint() -> None:
    async def main() -> list[ResponseTime]:
        async with serving(say(), say(503), say(404), hang, say()) as server:
            policy = TransportPolicy(timeout_seconds=HURRIED, retry_attempts=1)
            transport = Transport(MovingClock(), policy, random.Random(1))
            await transport.request(read(server.url, "/orders/11?token=secret"))
            await transport.request(read(server.url, "/orders/12"))
            with pytest.raises(errors.BrokerUnavailableError):
                await transport.request(write(server.url))
            await transport.request(write(server.url))
            await transport.close()
        with pytest.raises(errors.BrokerUnavailableError):
            await transport.request(write(server.url, "/gone"))
        await transport.close()
        return transport.timings()

    orders, gone, place = asyncio.run(main())
    assert (orders.broker, orders.endpoint) == ("SOME", "GET /orders/{id}")
    assert (orders.count, orders.failures) == (3, 1)
    assert (place.endpoint, place.count, place.failures) == ("POST /place", 2, 1)
    assert (gone.endpoint, gone.failures) == ("POST /gone", gone.count)
    assert HURRIED <= place.max_seconds <= place.count * place.mean_seconds < 2 * place.max_seconds


def test_number_of_rows_is_bounded() -> None:
    timings = Timings()
    for number in range(2000):
        timings.add("B", f"GET /{number}", 1.0, failed=False)
    rows = timings.rows()
    assert len(rows) == 501
    assert sum(row.count for row in rows) == 2000
