"""The official kiteconnect client, unchanged, against the simulated exchange over HTTP."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests
from kiteconnect import KiteConnect
from kiteconnect import exceptions as ex

from tradesync_dagster.brokers.exchange.server import ExchangeConfig, running_exchange
from tradesync_dagster.brokers.exchange.units import IST

START = datetime(2025, 11, 19, 10, 0, tzinfo=IST)
ITC = {"tradingsymbol": "ITC", "exchange": "NSE", "variety": "regular", "product": "CNC"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_exchange(ExchangeConfig(accounts=6, history_days=3, start_at=START)) as address:
        yield address


def sim(url: str, path: str, body: dict[str, Any] | None = None) -> Any:
    method = "GET" if body is None else "POST"
    return requests.request(method, url + path, json=body, timeout=60).json()


@pytest.fixture
def account(url: str, request: pytest.FixtureRequest) -> dict[str, str]:
    rows: list[dict[str, str]] = sim(url, "/sim/accounts")
    return rows[getattr(request, "param", 0)]


@pytest.fixture
def kite(url: str, account: dict[str, str]) -> Iterator[KiteConnect]:
    client = KiteConnect(api_key=account["api_key"], root=url, timeout=60)
    client.generate_session(account["request_token"], account["api_secret"])
    yield client
    client.reqsession.close()


def buy(kite: KiteConnect, **changes: Any) -> str:
    wanted = ITC | {"transaction_type": "BUY", "quantity": 10, "order_type": "MARKET"} | changes
    order_id = kite.place_order(**wanted)
    assert isinstance(order_id, str)
    return order_id


def test_session(url: str, account: dict[str, str]) -> None:
    client = KiteConnect(api_key=account["api_key"], root=url, timeout=60)
    session = client.generate_session(account["request_token"], account["api_secret"])
    assert session["user_id"] == account["user_id"]
    assert isinstance(session["login_time"], datetime)
    assert client.profile()["user_id"] == account["user_id"]
    client.invalidate_access_token()
    with pytest.raises(ex.TokenException) as caught:
        client.orders()
    assert caught.value.code == 403
    client.generate_session(account["request_token"], account["api_secret"])
    client.orders()
    with pytest.raises(ex.TokenException):
        client.generate_session(account["request_token"], "wrong")
    client.reqsession.close()


def test_order_from_placing_to_trades(kite: KiteConnect) -> None:
    order_id = buy(kite, tag="tsync1")
    (row,) = [row for row in kite.orders() if row["order_id"] == order_id]
    assert (row["status"], row["tag"], row["tags"]) == ("COMPLETE", "tsync1", ["tsync1"])
    assert row["order_timestamp"] == START.replace(tzinfo=None)
    states = [state["status"] for state in kite.order_history(order_id)]
    assert states[:4] == ["PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "OPEN PENDING", "OPEN"]
    trades = kite.order_trades(order_id)
    assert sum(trade["quantity"] for trade in trades) == 10
    assert trades[0]["order_timestamp"] == "10:00:00"
    assert trades[0]["fill_timestamp"] == START.replace(tzinfo=None)
    assert trades[0] in kite.trades()


def test_modify_and_cancel(kite: KiteConnect) -> None:
    low = kite.quote("NSE:ITC")["NSE:ITC"]["lower_circuit_limit"]
    order_id = buy(kite, order_type="LIMIT", price=low)
    assert kite.modify_order("regular", order_id, quantity=12, price=low + 0.05) == order_id
    last = kite.order_history(order_id)[-1]
    assert (last["status"], last["quantity"], last["modified"]) == ("OPEN", 12, True)
    assert kite.cancel_order("regular", order_id) == order_id
    assert kite.order_history(order_id)[-1]["status"] == "CANCELLED"
    with pytest.raises(ex.OrderException, match="cannot be modified"):
        kite.modify_order("regular", order_id, quantity=5)


def test_portfolio_and_margins(url: str, kite: KiteConnect, account: dict[str, str]) -> None:
    buy(kite, product="MIS")
    truth = sim(url, f"/sim/truth/{account['user_id']}")["data"]
    positions = kite.positions()
    assert any(row["product"] == "MIS" for row in positions["day"])
    assert {
        (row["exchange"], row["tradingsymbol"], row["product"]): row["quantity"]
        for row in positions["net"]
    } == {
        (row["exchange"], row["tradingsymbol"], row["product"]): row["quantity"]
        for row in truth["positions"]
    }
    held = {row["isin"]: row["quantity"] + row["t1_quantity"] for row in kite.holdings()}
    assert held == {row["isin"]: row["quantity"] for row in truth["holdings"]}
    both = kite.margins()
    assert both["equity"] == kite.margins("equity")
    assert Decimal(str(both["equity"]["available"]["cash"])) == Decimal(truth["balance"])


def test_instruments_and_quotes(kite: KiteConnect) -> None:
    rows = kite.instruments()
    assert len({row["instrument_token"] for row in rows}) == len(rows) > 45
    futures = [row for row in kite.instruments("NFO") if row["instrument_type"] == "FUT"]
    assert futures
    assert all(isinstance(row["expiry"], date) for row in futures)
    last = kite.ltp("NSE:ITC", "NSE:NOSUCH")
    assert list(last) == ["NSE:ITC"]
    assert kite.ohlc("NSE:ITC")["NSE:ITC"]["last_price"] == last["NSE:ITC"]["last_price"]
    assert kite.quote(["BSE:ITC"])["BSE:ITC"]["ohlc"]["open"] > 0


def test_prices_on_the_wire_are_exact(url: str, kite: KiteConnect) -> None:
    buy(kite)
    sim(url, "/sim/step", {"steps": 7})
    buy(kite)
    header = {"Authorization": f"token {kite.api_key}:{kite.access_token}"}
    raw = requests.get(f"{url}/trades", headers=header, timeout=60).content
    rows = json.loads(raw, parse_float=Decimal, parse_int=Decimal)["data"]
    truth = sim(url, "/sim/truth/SIM001")["data"]["fills"]
    exact = {fill["trade_id"]: Decimal(fill["price"]) for fill in truth[-len(rows) :]}
    assert {row["trade_id"]: row["average_price"] for row in rows} == exact


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"quantity": 0}, ex.InputException, "Invalid `quantity`"),
        ({"quantity": "x"}, ex.InputException, "Invalid `quantity`"),
        ({"tradingsymbol": "NOSUCH"}, ex.InputException, "does not exist"),
        ({"exchange": "XYZ"}, ex.InputException, "Invalid `exchange`"),
        ({"product": None}, ex.InputException, "Missing or empty field `product`"),
        ({"variety": "strange"}, ex.InputException, "Invalid `variety`"),
        ({"order_type": "LIMIT", "price": 431.01}, ex.InputException, "Tick size"),
        ({"order_type": "LIMIT", "price": -1}, ex.InputException, "Invalid `price`"),
        ({"tag": "x" * 21}, ex.InputException, "Invalid `tag`"),
        ({"quantity": 1_000_000}, ex.GeneralException, "Insufficient funds"),
    ],
)
def test_refused_orders(kite: KiteConnect, changes: Any, kind: type[Exception], words: str) -> None:
    before = len(kite.orders())
    with pytest.raises(kind, match=words):
        buy(kite, **changes)
    assert len(kite.orders()) == before


def test_margin_exception_on_the_wire(url: str, kite: KiteConnect) -> None:
    """The client knows no MarginException and raises its general one; the body names it."""
    header = {"Authorization": f"token {kite.api_key}:{kite.access_token}"}
    form = ITC | {"transaction_type": "BUY", "quantity": 1_000_000, "order_type": "MARKET"}
    refused = requests.post(f"{url}/orders/regular", data=form, headers=header, timeout=60)
    assert (refused.status_code, refused.json()["error_type"]) == (400, "MarginException")


def test_rejection_is_in_the_book(kite: KiteConnect) -> None:
    order_id = buy(kite, quantity=20_000)
    last = kite.order_history(order_id)[-1]
    assert last["status"] == "REJECTED"
    assert last["status_message"].startswith("Insufficient funds. Required margin is ")


def test_unknown_order_and_wrong_token(url: str, kite: KiteConnect) -> None:
    for call in (kite.order_history, kite.order_trades):
        with pytest.raises(ex.OrderException, match="Couldn't find that `order_id`"):
            call("123")
    with pytest.raises(ex.OrderException, match="Couldn't find that `order_id`"):
        kite.cancel_order("regular", "123")
    stranger = KiteConnect(api_key=kite.api_key, access_token="wrong", root=url, timeout=60)
    with pytest.raises(ex.TokenException, match="Incorrect `api_key` or `access_token`"):
        stranger.holdings()
    with pytest.raises(ex.GeneralException, match="Route not found"):
        kite.mf_orders()
    stranger.reqsession.close()


def test_faults_on_demand(url: str, kite: KiteConnect, account: dict[str, str]) -> None:
    for name, status in (("NetworkException", 503), ("DataException", 502)):
        fault = {"kind": "error", "path": "/orders", "error_type": name, "status": status}
        sim(url, "/sim/faults", fault | {"user_id": account["user_id"]})
        with pytest.raises(getattr(ex, name)) as caught:
            kite.orders()
        assert caught.value.code == status
    for kind in ("html", "cut", "empty"):
        sim(url, "/sim/faults", {"kind": kind, "path": "/orders"})
        with pytest.raises(ex.DataException):
            kite.orders()
    known = len(kite.orders())
    sim(url, "/sim/faults", {"kind": "lost", "path": "/orders", "method": "POST"})
    with pytest.raises(requests.ConnectionError):
        buy(kite)
    assert len(kite.orders()) == known + 1


@pytest.mark.parametrize("account", [5], indirect=True)
def test_a_new_day_empties_the_book(url: str, kite: KiteConnect, account: dict[str, str]) -> None:
    by_hand = {
        "user_id": account["user_id"],
        "tradingsymbol": "SBIN",
        "exchange": "NSE",
        "transaction_type": "BUY",
        "quantity": 3,
        "order_type": "LIMIT",
        "price": "800",
    }
    order_id = sim(url, "/sim/orders", by_hand)["data"]["order_id"]
    (row,) = [row for row in kite.orders() if row["order_id"] == order_id]
    assert row["tag"] is None
    assert sim(url, "/sim/clock", {"advance_seconds": 86_400})["data"]["now"].startswith(
        "2025-11-20"
    )
    assert kite.orders() == []
    assert kite.trades() == []
    truth = sim(url, f"/sim/truth/{account['user_id']}")["data"]
    (kept,) = [row for row in truth["orders"] if row["order_id"] == order_id]
    assert (kept["trade_date"], kept["by_hand"]) == ("2025-11-19", True)
    sim(url, "/sim/logout", {"user_id": account["user_id"]})
    with pytest.raises(ex.TokenException):
        kite.orders()
