"""Response times as Dagster shows them."""

import dagster as dg

from tradesync_dagster.defs.response_times import response_metadata
from tradesync_dagster.domain.results import ResponseTime


def test_each_broker_has_a_mean_weighted_by_its_calls_and_a_row_an_endpoint() -> None:
    times = (
        ResponseTime("UPSTOX", "GET /v2/order/retrieve-all", 1, 1, 0.5, 0.5),
        ResponseTime("ZERODHA", "GET /orders", 3, 0, 0.1, 0.2),
        ResponseTime("ZERODHA", "GET /trades", 1, 0, 0.3, 0.3),
    )
    found = response_metadata(times)
    assert found["zerodha_ms"] == dg.MetadataValue.float(150.0)
    assert found["upstox_ms"] == dg.MetadataValue.float(500.0)
    table = found["response_times"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [record.data["mean_ms"] for record in table.records] == [500, 100, 300]
    assert [record.data["failures"] for record in table.records] == [1, 0, 0]


def test_nothing_asked_is_nothing_shown() -> None:
    assert response_metadata(()) == {}
