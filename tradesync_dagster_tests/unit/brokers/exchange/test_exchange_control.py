"""The exchange's own routes that stand for people: changing an order by hand, looking at prices."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import requests

from tradesync_dagster.brokers.exchange.server import ExchangeConfig, running_exchange
from tradesync_dagster.brokers.exchange.units import IST, SCALE, parse, text

START = datetime(2026, 11, 19, 10, 0, tzinfo=IST)


@pytest.fixture
def url() -> Iterator[str]:
    with running_exchange(ExchangeConfig(accounts=1, people_rate=0, start_at=START)) as address:
        yield address


def sim(url: str, method: str, path: str, body: Any = None) -> requests.Response:
    return requests.request(method, f"{url}/sim/{path}", json=body, timeout=60)


def prices(url: str) -> dict[str, str]:
    return sim(url, "GET", "prices").json()["data"]  # type: ignore[no-any-return]


def resting(url: str) -> str:
    """Place an order by hand that is too low to be filled; return its id."""
    low = parse(prices(url)["NSE:ITC"]) * 95 // 100 // SCALE * SCALE
    body = {
        "user_id": "SIM001", "exchange": "NSE", "tradingsymbol": "ITC", "quantity": 30,
        "transaction_type": "BUY", "order_type": "LIMIT", "price": text(low),
    }  # fmt: skip
    return str(sim(url, "POST", "orders", body).json()["data"]["order_id"])


def truth(url: str) -> dict[str, Any]:
    return sim(url, "GET", "truth/SIM001").json()["data"]["orders"][-1]  # type: ignore[no-any-return]


def test_an_order_is_changed_by_hand_and_keeps_what_was_not_named(url: str) -> None:
    path = f"orders/SIM001/{resting(url)}"
    before = truth(url)
    changed = sim(url, "PUT", path, {"quantity": 70})
    assert changed.status_code == 200
    assert changed.json()["data"]["order_id"] == before["order_id"]
    assert truth(url) == before | {"quantity": 70}
    last = prices(url)["NSE:ITC"]
    assert sim(url, "PUT", path, {"price": last}).status_code == 200
    assert truth(url)["filled_quantity"] > 0


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("orders/SIM001/1", {"quantity": 5}, 404),
        ("orders/NOBODY/1", {"quantity": 5}, 404),
        ("orders/SIM001/{}", {"quantity": "many"}, 400),
        ("orders/SIM001/{}", {"price": "0.123"}, 400),
    ],
)
def test_what_cannot_be_changed_is_refused(url: str, path: str, body: Any, status: int) -> None:
    path = path.format(resting(url))
    before = truth(url)
    assert sim(url, "PUT", path, body).status_code == status
    assert truth(url) == before


def test_prices_are_those_that_orders_are_filled_at(url: str) -> None:
    sim(url, "POST", "step", {"steps": 3})
    found = prices(url)
    body = {"user_id": "SIM001", "exchange": "NSE", "tradingsymbol": "ITC", "quantity": 5,
            "transaction_type": "BUY"}  # fmt: skip
    sim(url, "POST", "orders", body)
    assert truth(url)["average_price"] == found["NSE:ITC"]
    assert {"BSE:ITC", "NSE:INFY"} < set(found)
