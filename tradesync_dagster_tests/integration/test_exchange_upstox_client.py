"""The official upstox-python-sdk, unchanged, against the simulated exchange over HTTP."""

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import upstox_client
from upstox_client.rest import ApiException

from tradesync_dagster.brokers.exchange.server import ExchangeConfig, running_exchange
from tradesync_dagster.brokers.exchange.units import IST

START = datetime(2025, 11, 19, 10, 0, tzinfo=IST)
V2 = "2.0"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    config = ExchangeConfig(accounts=6, history_days=3, start_at=START, brokers=("UPSTOX",))
    with running_exchange(config) as address:
        yield address


def sim(url: str, path: str, body: dict[str, Any] | None = None) -> Any:
    method = "GET" if body is None else "POST"
    return requests.request(method, url + path, json=body, timeout=60).json()


@pytest.fixture
def account(url: str, request: pytest.FixtureRequest) -> Any:
    return sim(url, "/sim/accounts")[getattr(request, "param", 0)]


def client_of(url: str, token: str) -> upstox_client.ApiClient:
    configuration = upstox_client.Configuration()
    configuration.host = configuration.order_host = url
    configuration.access_token = token
    return upstox_client.ApiClient(configuration)


def apis(client: upstox_client.ApiClient) -> SimpleNamespace:
    return SimpleNamespace(
        login=upstox_client.LoginApi(client),
        user=upstox_client.UserApi(client),
        orders=upstox_client.OrderApi(client),
        v3=upstox_client.OrderApiV3(client),
        portfolio=upstox_client.PortfolioApi(client),
        instruments=upstox_client.InstrumentsApi(client),
    )


@pytest.fixture
def upstox(url: str, account: Any) -> SimpleNamespace:
    return apis(client_of(url, account["credentials"]["UPSTOX"]["access_token"]))


def key(upstox: SimpleNamespace) -> str:
    rows = upstox.instruments.search_instrument("ITC", exchanges="NSE", segments="EQ").data
    (found,) = [row for row in rows if row["trading_symbol"] == "ITC"]
    return str(found["instrument_key"])


def terms(upstox: SimpleNamespace, **changes: Any) -> dict[str, Any]:
    return {
        "quantity": 10, "product": "D", "validity": "DAY", "price": 0.0, "order_type": "MARKET",
        "instrument_token": key(upstox), "transaction_type": "BUY", "disclosed_quantity": 0,
        "trigger_price": 0.0, "is_amo": False, "tag": "tsync1",
    } | changes  # fmt: skip


def place(upstox: SimpleNamespace, **changes: Any) -> str:
    body = upstox_client.PlaceOrderV3Request(**terms(upstox, **changes))
    (order_id,) = upstox.v3.place_order(body).data.order_ids
    return str(order_id)


def details(upstox: SimpleNamespace, order_id: str) -> Any:
    return upstox.orders.get_order_status(order_id=order_id).data


def problem(caught: pytest.ExceptionInfo[ApiException]) -> tuple[int, str]:
    (only,) = json.loads(caught.value.body)["errors"]
    assert only["errorCode"] == only["error_code"]
    return caught.value.status, only["error_code"]


def test_session(url: str, account: Any) -> None:
    login = upstox_client.LoginApi(client_of(url, ""))
    told = {
        "code": account["request_token"], "client_id": account["api_key"],
        "client_secret": account["api_secret"], "redirect_uri": "https://desk.invalid",
        "grant_type": "authorization_code",
    }  # fmt: skip
    token = login.token(V2, **told)
    assert (token.user_id, token.broker) == (account["user_id"], "UPSTOX")
    mine = apis(client_of(url, token.access_token))
    profile = mine.user.get_profile(V2).data
    assert (profile.user_id, profile.is_active) == (account["user_id"], True)
    with pytest.raises(ApiException) as caught:
        login.token(V2, **told | {"client_secret": "wrong"})
    assert problem(caught) == (401, "UDAPI100016")
    assert mine.login.logout(V2).data is True
    with pytest.raises(ApiException) as caught:
        mine.orders.get_order_book(V2)
    assert problem(caught) == (401, "UDAPI100050")
    again = login.token(V2, **told).access_token
    assert again != token.access_token
    apis(client_of(url, again)).orders.get_order_book(V2)


def test_an_order_from_placing_to_trades(upstox: SimpleNamespace) -> None:
    answer = upstox.orders.place_order(upstox_client.PlaceOrderRequest(**terms(upstox)), V2)
    order_id = answer.data.order_id
    (row,) = [row for row in upstox.orders.get_order_book(V2).data if row.order_id == order_id]
    assert (row.status, row.tag, row.trading_symbol) == ("complete", "tsync1", "ITC-EQ")
    assert (row.order_timestamp, row.product) == ("2025-11-19 10:00:00", "D")
    assert details(upstox, order_id) == row
    states = [one.status for one in upstox.orders.get_order_details(V2, order_id=order_id).data]
    assert states == ["put order req received", "validation pending", "open pending", "open",
                      "complete"]  # fmt: skip
    trades = upstox.orders.get_trades_by_order(order_id, V2).data
    assert sum(trade.quantity for trade in trades) == 10
    assert trades[0].exchange_timestamp == "2025-11-19 10:00:00"
    assert trades[0] in upstox.orders.get_trade_history(V2).data
    by_tag = upstox.orders.get_order_details(V2, tag="tsync1").data
    assert order_id in {one.order_id for one in by_tag}


def test_modify_and_cancel(upstox: SimpleNamespace) -> None:
    order_id = place(upstox, order_type="LIMIT", price=400.05)
    change = {"validity": "DAY", "price": 401.1, "order_type": "LIMIT", "trigger_price": 0.0}
    body = upstox_client.ModifyOrderRequest(**change, quantity=12, order_id=order_id)
    assert upstox.v3.modify_order(body).data.order_id == order_id
    row = details(upstox, order_id)
    assert (row.status, row.quantity, row.price) == ("open", 12, 401.1)
    assert row.order_request_id == "2"
    body = upstox_client.ModifyOrderRequest(**change, quantity=13, order_id=order_id)
    assert upstox.orders.modify_order(body, V2).data.order_id == order_id
    cancelled = upstox.v3.cancel_order(order_id)
    assert cancelled.data.order_id == order_id
    assert cancelled.metadata.latency >= 0
    assert details(upstox, order_id).status == "cancelled"
    for call, code in (
        (lambda: upstox.v3.modify_order(body), "UDAPI100041"),
        (lambda: upstox.orders.cancel_order(order_id, V2), "UDAPI100040"),
    ):
        with pytest.raises(ApiException) as caught:
            call()
        assert problem(caught) == (400, code)


def test_after_market_orders_have_words_of_their_own(upstox: SimpleNamespace) -> None:
    order_id = place(upstox, order_type="LIMIT", price=400.05, is_amo=True)
    assert details(upstox, order_id).status == "after market order req received"
    body = upstox_client.ModifyOrderRequest(
        validity="DAY", price=400.1, order_id=order_id, order_type="LIMIT", trigger_price=0.0
    )
    upstox.v3.modify_order(body)
    row = details(upstox, order_id)
    assert (row.status, row.is_amo) == ("modify after market order req received", True)
    upstox.v3.cancel_order(order_id)
    assert details(upstox, order_id).status == "cancelled after market order"
    states = [one.status for one in upstox.orders.get_order_details(V2, order_id=order_id).data]
    assert states == [
        "put order req received", "after market order req received",
        "modify after market order req received", "cancel pending", "cancelled after market order",
    ]  # fmt: skip


def test_portfolio_and_funds(url: str, upstox: SimpleNamespace, account: Any) -> None:
    place(upstox, product="I")
    truth = sim(url, f"/sim/truth/{account['user_id']}")["data"]
    positions = upstox.portfolio.get_positions(V2).data
    assert {
        (row.exchange, row.trading_symbol.removesuffix("-EQ"), row.product, row.quantity)
        for row in positions
    } == {
        (row["exchange"], row["tradingsymbol"], "I" if row["product"] == "MIS" else "D",
         row["quantity"])
        for row in truth["positions"]
    }  # fmt: skip
    assert any(row.product == "I" for row in positions)
    held = {
        row.isin: row.quantity - row.cnc_used_quantity
        for row in upstox.portfolio.get_holdings(V2).data
    }
    assert held == {row["isin"]: row["quantity"] for row in truth["holdings"]}
    funds = upstox.user.get_user_fund_margin(V2).data
    assert set(funds) == {"equity", "commodity"}
    equity = funds["equity"]
    cash = Decimal(str(equity.available_margin)) + Decimal(str(equity.used_margin))
    assert abs(cash - Decimal(truth["balance"])) < Decimal("0.01")


def test_prices_on_the_wire_are_exact(url: str, upstox: SimpleNamespace, account: Any) -> None:
    place(upstox)
    sim(url, "/sim/step", {"steps": 7})
    place(upstox)
    book = f"{url}/v2/order/trades/get-trades-for-day"
    header = {"Authorization": f"Bearer {account['credentials']['UPSTOX']['access_token']}"}
    raw = requests.get(book, headers=header, timeout=60).content
    rows = json.loads(raw, parse_float=Decimal, parse_int=Decimal)["data"]
    truth = sim(url, f"/sim/truth/{account['user_id']}")["data"]["fills"]
    exact = {fill["trade_id"]: Decimal(fill["price"]) for fill in truth[-len(rows) :]}
    assert {row["trade_id"]: row["average_price"] for row in rows} == exact


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": 0}, "UDAPI1052"),
        ({"instrument_token": "NSE_EQ|INE000A01010"}, "UDAPI100011"),
        ({"instrument_token": ""}, "UDAPI1026"),
        ({"order_type": "LIMIT", "price": 431.01}, "UDAPI100036"),
        ({"order_type": "LIMIT", "price": -1.0}, "UDAPI100036"),
        ({"price": 1e-9}, "UDAPI100036"),
        ({"product": "MTF"}, "UDAPI100036"),
        ({"tag": "x" * 41}, "UDAPI1119"),
        ({"quantity": 1_000_000}, "UDAPI100036"),
    ],
)
def test_refused_orders(upstox: SimpleNamespace, changes: Any, code: str) -> None:
    before = len(upstox.orders.get_order_book(V2).data)
    with pytest.raises(ApiException) as caught:
        place(upstox, **changes)
    assert problem(caught) == (400, code)
    assert len(upstox.orders.get_order_book(V2).data) == before


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "/v3/order/place", b"[]", "UDAPI100036"),
        ("POST", "/v3/order/place", b"{", "UDAPI100036"),
        ("PUT", "/v3/order/modify", b"{}", "UDAPI1023"),
        ("PUT", "/v2/order/modify", b'{"order_id": "a b"}', "UDAPI1010"),
        ("PUT", "/v2/order/modify", b'{"order_id": "1"}', "UDAPI1029"),
        ("PUT", "/v2/order/modify",
         b'{"order_id": "1", "price": 0, "trigger_price": 0}', "UDAPI1004"),
        ("PUT", "/v2/order/modify",
         b'{"order_id": "1", "price": 0, "trigger_price": 0, "order_type": "X"}', "UDAPI1056"),
        ("PUT", "/v2/order/modify",
         b'{"order_id": "1", "price": 1.00000000000000001}', "UDAPI100036"),
        ("DELETE", "/v3/order/cancel", b"", "UDAPI1023"),
        ("GET", "/v2/order/history", b"", "UDAPI100059"),
    ],
)  # fmt: skip
def test_what_the_client_would_not_send(
    url: str, account: Any, method: str, path: str, body: bytes, code: str
) -> None:
    header = {"Authorization": f"Bearer {account['credentials']['UPSTOX']['access_token']}"}
    answer = requests.request(method, url + path, data=body, headers=header, timeout=60)
    assert (answer.status_code, answer.json()["status"]) == (400, "error")
    assert answer.json()["errors"][0]["errorCode"] == code


def test_a_rejection_is_in_the_book(upstox: SimpleNamespace) -> None:
    row = details(upstox, place(upstox, quantity=20_000))
    assert row.status == "rejected"
    assert row.status_message.startswith("Insufficient funds. Required margin is ")


def test_unknown_orders_routes_and_tokens(url: str, upstox: SimpleNamespace, account: Any) -> None:
    for call in (
        lambda: upstox.v3.cancel_order("123"),
        lambda: details(upstox, "123"),
        lambda: upstox.orders.get_trades_by_order("123", V2),
    ):
        with pytest.raises(ApiException) as caught:
            call()
        assert problem(caught) == (404, "UDAPI100010")
    with pytest.raises(ApiException) as caught:
        upstox.user.get_payin_history()
    assert problem(caught) == (404, "UDAPI100060")
    good = account["credentials"]["UPSTOX"]["access_token"]
    books = f"{url}/v2/order/retrieve-all"
    for scheme, status in (("Bearer", 200), ("token", 401)):
        header = {"Authorization": f"{scheme} {good}"}
        assert requests.get(books, headers=header, timeout=60).status_code == status
    for token in ("wrong", f"{account['api_key']}.wrong", account["access_token"]):
        with pytest.raises(ApiException) as caught:
            apis(client_of(url, token)).portfolio.get_holdings(V2)
        assert problem(caught) == (401, "UDAPI100050")


def test_a_fault_speaks_upstox(url: str, upstox: SimpleNamespace, account: Any) -> None:
    for status, code in ((500, "UDAPI100500"), (503, "UDAPI100500"), (429, "UDAPI10005")):
        fault = {"kind": "error", "path": "/v2/order", "status": status}
        sim(url, "/sim/faults", fault | {"user_id": account["user_id"]})
        with pytest.raises(ApiException) as caught:
            upstox.orders.get_order_book(V2)
        assert problem(caught) == (status, code)
    assert upstox.orders.get_order_book(V2).status == "success"
