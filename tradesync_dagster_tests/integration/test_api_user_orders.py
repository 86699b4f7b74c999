"""``/api/v1/user/orders`` over HTTP: lists, filters, retries of two at once, drops, refusals."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest

from tradesync_dagster.domain.orders import Order, OrderStatus
from tradesync_dagster_tests.support.api import RIVAL, Api, problem, running_api
from tradesync_dagster_tests.support.trading import KEY, TradingDesk, open_trading_desk

URL = "/api/v1/user/orders"


@pytest.fixture
def trading(database_url: str, tmp_path: Path) -> Iterator[TradingDesk]:
    with open_trading_desk(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def api(trading: TradingDesk) -> Iterator[Api]:
    services = trading.desk.services
    services.store.put_accounts([RIVAL])
    _, token = services.keys().add("desk", "asha's terminal")
    with running_api(services) as url:
        yield Api(url, token, "desk")


def failed(trading: TradingDesk, quantity: int = 3) -> Order:
    trading.desk.fault("status", status=429, method="POST", times=1)
    found = trading.place(quantity, verify=False).order
    assert found.status is OrderStatus.FAILED
    return found


def listed(api: Api, **query: Any) -> list[dict[str, Any]]:
    answer = api.get(URL, **query)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["total"] >= len(found["orders"])
    return found["orders"]  # type: ignore[no-any-return]


def test_orders_are_listed_by_status_reason_and_day(trading: TradingDesk, api: Api) -> None:
    order = failed(trading)
    rejected = trading.place(price=trading.price(200)).order
    (row,) = listed(api, status="failed")
    assert (row["order_id"], row["account"]) == (str(order.order_id), KEY)
    assert (row["retry_count"], row["shortfall"], row["cancel_asked"]) == (0, None, "")
    assert row["failure_reason"] == order.failure_reason
    assert row["first_failed_at"] is not None
    assert row["retry"]["kind"] == "busy"
    assert row["retry"]["expires_at"] == "2026-11-19T10:00:00+00:00"
    both = listed(api, status=["failed", "rejected"])
    assert {r["order_id"] for r in both} == {str(order.order_id), str(rejected.order_id)}
    assert len(listed(api)) == 3
    words = order.failure_reason[5:25].upper()
    assert [r["order_id"] for r in listed(api, reason=words)] == [str(order.order_id)]
    assert listed(api, reason="%") == [r for r in both if "%" in r["failure_reason"]]
    for query, count in (
        ({"from": "2026-11-19", "to": "2026-11-19"}, 3), ({"from": "2026-11-20"}, 0),
        ({"to": "2026-11-18"}, 0), ({"pseudo_account": "SIM001"}, 3),
    ):  # fmt: skip
        assert len(listed(api, **query)) == count, query
    pages = [listed(api, limit=2, offset=n) for n in (0, 2, 4)]
    assert [len(page) for page in pages] == [2, 1, 0]
    assert pages[0] + pages[1] == listed(api)


def test_of_two_who_press_at_once_one_gets_it_and_one_order_is_at_the_exchange(
    trading: TradingDesk, api: Api
) -> None:
    order = failed(trading)
    ready = Barrier(2)

    def press(_: int) -> Any:
        ready.wait()
        return api.send("POST", f"{URL}/{order.order_id}/retry", json={"retry_count": 0})

    with ThreadPoolExecutor(2) as people:
        answers = list(people.map(press, range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    done, refused = sorted(answers, key=lambda one: int(one.status_code))
    assert (done.json()["order_id"], done.json()["retry_count"]) == (str(order.order_id), 1)
    assert str(order.order_id) in problem(refused)
    assert len(trading.ours()) == 1


def test_a_rejected_order_is_tried_again_as_another_one_that_names_it(
    trading: TradingDesk, api: Api
) -> None:
    order = trading.place(price=trading.price(200)).order
    ready = Barrier(2)

    def press(_: int) -> Any:
        ready.wait()
        return api.send("POST", f"{URL}/{order.order_id}/retry")

    with ThreadPoolExecutor(2) as people:
        answers = sorted(people.map(press, range(2)), key=lambda one: int(one.status_code))
    assert [answer.status_code for answer in answers] == [200, 409]
    assert answers[0].json()["retry_of"] == str(order.order_id)
    assert len(trading.ours()) == 2


def test_a_dropped_order_is_cancelled_and_leaves_the_queue(trading: TradingDesk, api: Api) -> None:
    order = failed(trading)
    answer = api.send("DELETE", f"{URL}/{order.order_id}", params={"why": "the idea is gone"})
    assert answer.status_code == 200, answer.text
    row = answer.json()
    assert (row["status"], row["retry"]) == ("cancelled", None)
    assert row["cancelled_reason"] == "asha's terminal: the idea is gone"
    assert listed(api, status="failed") == []
    for method, path in (("DELETE", ""), ("POST", "/retry")):
        again = api.send(method, f"{URL}/{order.order_id}{path}")
        assert again.status_code == 409
        assert "cancelled" in problem(again)
    assert trading.ours() == []


def test_limits_and_halts_are_409_with_the_reason(trading: TradingDesk, api: Api) -> None:
    order = failed(trading)
    trading.trading.halt("desk", "ravi", "a wild strategy")
    answer = api.send("POST", f"{URL}/{order.order_id}/retry")
    assert answer.status_code == 409
    assert "ravi halted" in problem(answer)
    trading.trading.resume("desk", "ravi", "on")
    trading.trading.set_limits(KEY, {"order_value": 1}, "ravi")
    answer = api.send("POST", f"{URL}/{order.order_id}/retry")
    assert answer.status_code == 409
    assert "order-value" in problem(answer)
    assert trading.ours() == []


def test_strangers_others_and_what_is_malformed(trading: TradingDesk, api: Api) -> None:
    order = failed(trading)
    _, token = trading.desk.services.keys().add("rival", "theirs")
    asks = (
        ("GET", ""), ("POST", f"/{order.order_id}/retry"), ("DELETE", f"/{order.order_id}"),
    )  # fmt: skip
    for method, path in asks:
        assert Api(api.url, None, "desk").send(method, URL + path).status_code == 401
        query = {"organization_id": "rival"}
        assert api.send(method, URL + path, params=query).status_code == 403
    theirs = Api(api.url, token, "rival")
    assert listed(theirs) == []
    for method, path in asks[1:]:
        answer = theirs.send(method, URL + path)
        assert answer.status_code == 404
        nowhere = theirs.send(method, (URL + path).replace(str(order.order_id), str(uuid4())))
        assert nowhere.status_code == 404
    for query in (
        {"status": "odd"}, {"from": "yesterday"}, {"limit": 0}, {"limit": 501}, {"offset": -1},
        {"reason": "a\nb"}, {"pseudo_account": "a/b"},
    ):  # fmt: skip
        assert api.get(URL, **query).status_code == 422, query
    assert api.get(URL, pseudo_account="none").status_code == 404
    assert api.send("POST", f"{URL}/x/retry").status_code == 422
    for body in ({"retry_count": "0"}, {"retry_count": -1}, {"odd": 1}):
        assert api.send("POST", f"{URL}/{order.order_id}/retry", json=body).status_code == 422
    assert trading.trading.show(KEY, order.order_id)["status"] == "failed"
