"""What is Kotak's own about the exchange's Kotak face: tags, empty books, refusals, the login."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
import requests

from tradesync_dagster.brokers.exchange.server import ExchangeConfig, running_exchange
from tradesync_dagster.brokers.exchange.units import IST

START = datetime(2025, 11, 19, 10, 0, tzinfo=IST)
CONFIG = ExchangeConfig(accounts=2, history_days=0, people_rate=0, start_at=START)
LOW = {
    "am": "NO", "dq": "0", "es": "nse_cm", "mp": "0", "pc": "CNC", "pr": "400", "pt": "L",
    "qt": "5", "rt": "DAY", "tp": "0", "ts": "ITC-EQ", "tt": "B", "ig": "ts1", "os": "NEOTRADEAPI",
}  # fmt: skip
CHANGE = {
    "am": "NO", "dq": "0", "mp": "0", "pr": "401", "pt": "L", "qt": "6", "tp": "0", "vd": "DAY",
}  # fmt: skip
NO_DATA = {"stat": "Not_Ok", "errMsg": "No Data", "stCode": 5203}


@dataclass
class Desk:
    url: str
    user: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        secrets = self.user["credentials"]["KOTAK"]
        return {"Auth": secrets["access_token"], "Sid": secrets["sid"]}

    def ask(self, method: str, path: str, fields: Any = None, **headers: str) -> Any:
        form = {"jData": json.dumps(fields)} if fields is not None else None
        return requests.request(
            method, self.url + path, data=form, headers=self.headers | headers, timeout=60
        )

    def get(self, book: str) -> Any:
        return self.ask("GET", f"/quick/user/{book}").json()

    def place(self, **changes: str) -> str:
        found = self.ask("POST", "/quick/order/rule/ms/place", LOW | changes).json()
        assert (found["stat"], found["stCode"]) == ("Ok", 200), found
        return str(found["nOrdNo"])

    def order(self, order_id: str) -> dict[str, Any]:
        (found,) = [row for row in self.get("orders")["data"] if row["nOrdNo"] == order_id]
        return dict(found)

    def sim(self, path: str, body: Any) -> Any:
        return requests.post(self.url + path, json=body, timeout=60).json()["data"]


@pytest.fixture
def desk() -> Iterator[Desk]:
    with running_exchange(CONFIG) as url:
        yield Desk(url, requests.get(f"{url}/sim/accounts", timeout=60).json()[0])


def test_books_without_rows_are_no_data_but_holdings(desk: Desk) -> None:
    for book in ("orders", "trades", "positions"):
        assert NO_DATA.items() <= desk.get(book).items()
    assert NO_DATA.items() <= desk.ask("GET", "/portfolio/v2/positions").json().items()
    assert desk.ask("GET", "/portfolio/v1/holdings").json() == {"data": []}
    desk.place()
    found = desk.get("orders")
    assert (found["stat"], found["stCode"], len(found["data"])) == ("Ok", 200, 1)


def test_a_tag_lasts_until_somebody_touches_the_order(desk: Desk) -> None:
    changed, cancelled, plain = desk.place(), desk.place(ig="ts2"), desk.place(ig="")
    assert [desk.order(one)["GuiOrdId"] for one in (changed, cancelled)] == ["ts1", "ts2"]
    assert desk.order(plain)["GuiOrdId"].endswith("-SIM001-ADMINAPI")
    desk.ask("POST", "/quick/order/vr/modify", CHANGE | {"no": changed})
    desk.ask("POST", "/quick/order/cancel", {"on": cancelled, "am": "NO"})
    at = int(START.timestamp())
    assert desk.order(changed)["GuiOrdId"] == f"{at}-{changed[-6:]}-SIM001-ADMINAPI"
    assert desk.order(cancelled)["GuiOrdId"] == f"ts2-{at}"
    history = desk.ask("POST", "/quick/order/history", {"nOrdNo": changed}).json()["data"]
    assert (history[-1]["ordSt"], history[-1]["GuiOrdId"]) == ("put order req received", "ts1")
    assert history[0]["GuiOrdId"] == desk.order(changed)["GuiOrdId"]


def test_an_after_market_order_is_cancelled_as_one(desk: Desk) -> None:
    order_id = desk.place(am="YES", ig="")
    assert desk.order(order_id)["ordSt"] == "after market order req received"
    assert (desk.order(order_id)["ordEntTm"], desk.order(order_id)["ordGenTp"]) == ("--", "AMO")
    desk.ask("POST", "/quick/order/vr/modify", CHANGE | {"no": order_id, "am": "YES"})
    assert desk.order(order_id)["ordSt"] == "modify after market order req received"
    for wrong in ({"am": "NO"}, {"am": "YES", "ts": "ITC"}):
        found = desk.ask("POST", "/quick/order/cancel", {"on": order_id} | wrong)
        assert (found.status_code, found.json()["stCode"]) == (400, 5204)
    named = {"on": order_id, "am": "YES", "ts": "ITC-EQ"}
    assert desk.ask("POST", "/quick/order/cancel", named).json()["nOrdNo"] == order_id
    assert desk.order(order_id)["ordSt"] == "cancelled after market order"


def test_a_trade_has_its_quantity_in_fldqty(desk: Desk) -> None:
    order_id = desk.place(pt="MKT", pr="500", tp="500")
    assert (desk.order(order_id)["prc"], desk.order(order_id)["trgPrc"]) == ("0.00", "0.00")
    (row,) = desk.get("trades")["data"]
    shown = {name: row[name] for name in ("nOrdNo", "fldQty", "qty", "prc", "tok", "flDt", "flTm")}
    assert shown == {
        "nOrdNo": order_id, "fldQty": 5, "qty": 0, "prc": "", "tok": "", "flDt": "19-Nov-2025",
        "flTm": "10:00:00",
    }  # fmt: skip
    (held,) = desk.get("positions")["data"]
    assert (held["trdSym"], held["flBuyQty"], held["lotSz"]) == ("ITC-EQ", "5", "1")


def test_what_was_placed_by_hand_cannot_be_touched(desk: Desk) -> None:
    user = desk.user["user_id"]
    wanted = {"user_id": user, "exchange": "NSE", "tradingsymbol": "ITC", "quantity": 5,
              "transaction_type": "BUY", "order_type": "LIMIT", "price": 400}  # fmt: skip
    order_id = desk.sim("/sim/orders", wanted)["order_id"]
    assert desk.order(order_id)["ordSrc"] == "ADMINCPPAPI_MOB"
    for path, fields in (
        ("history", {"nOrdNo": order_id}), ("vr/modify", CHANGE | {"no": order_id}),
        ("cancel", {"on": order_id, "am": "NO"}), ("cancel", {"on": "1", "am": "NO"}),
    ):  # fmt: skip
        found = desk.ask("POST", f"/quick/order/{path}", fields)
        assert (found.status_code, found.json()["error"][0]["code"]) == (400, "91400")
    assert desk.order(order_id)["ordSt"] == "open"


def test_an_order_that_has_ended_is_refused_with_http_200(desk: Desk) -> None:
    order_id = desk.place(pt="MKT", pr="0")
    for path, fields in (
        ("vr/modify", CHANGE | {"no": order_id}), ("cancel", {"on": order_id, "am": "NO"}),
    ):  # fmt: skip
        found = desk.ask("POST", f"/quick/order/{path}", fields)
        assert (found.status_code, found.json()["stCode"]) == (200, 1021)


def test_wrong_fields_are_refused_with_their_codes(desk: Desk) -> None:
    wrong: tuple[tuple[dict[str, Any], int], ...] = (
        ({"es": "NSE"}, 1006), ({"ts": "ITC"}, 1007), ({"qt": ""}, 1009), ({"qt": "5.5"}, 1009),
        ({"pr": ""}, 1009), ({"pt": "LIMIT"}, 5202), ({"tt": "BUY"}, 5202), ({"rt": "GTC"}, 5202),
        ({"pc": "BO"}, 5202), ({"am": ""}, 5202), ({"dq": ""}, 1009), ({"pr": "400.001"}, 5204),
        ({"pr": "-1"}, 5202), ({"qt": 5}, 5202),
    )  # fmt: skip
    for change, code in wrong:
        found = desk.ask("POST", "/quick/order/rule/ms/place", LOW | change)
        assert (found.status_code, found.json()["stCode"]) == (400, code), change
    assert desk.get("orders")["stCode"] == 5203


def test_a_path_that_is_none_has_the_gateways_error(desk: Desk) -> None:
    found = desk.ask("GET", "/quick/nothing")
    assert (found.status_code, found.json()["error"][0]["code"]) == (404, 404)


def test_a_body_that_is_none_is_refused(desk: Desk) -> None:
    for fields in ([], "x", None):
        found = desk.ask("POST", "/quick/order/rule/ms/place", fields)
        assert (found.status_code, found.json()["stCode"]) == (400, 1007)


def test_a_session_is_token_and_id_together(desk: Desk) -> None:
    assert desk.ask("GET", "/quick/user/orders").status_code == 200
    for change in ({"Auth": "neo.a.b"}, {"Sid": "x"}, {"Authorization": "x"}):
        found = desk.ask("GET", "/quick/user/orders", **change)
        assert (found.status_code, found.json()["stCode"]) == (403, 100022), change


def test_a_login_in_two_steps_gives_a_session(desk: Desk) -> None:
    user, app = desk.user, {"Authorization": desk.user["api_key"]}

    def step(name: str, body: Any, headers: Any) -> Any:
        url = f"{desk.url}/login/1.0/{name}"
        return requests.post(url, json=body, headers=headers, timeout=60)

    body = {"mobileNumber": "+910000000000", "ucc": user["user_id"], "totp": user["request_token"]}
    assert step("tradeApiLogin", body | {"totp": "000000"}, app).status_code == 401
    view = step("tradeApiLogin", body, app).json()["data"]
    assert (view["kType"], view["ucc"]) == ("View", user["user_id"])
    seen = app | {"sid": view["sid"], "Auth": view["token"]}
    assert step("tradeApiValidate", {"mpin": "0"}, seen).status_code == 401
    assert step("tradeApiValidate", {"mpin": user["api_secret"]}, app).status_code == 401
    trade = step("tradeApiValidate", {"mpin": user["api_secret"]}, seen).json()["data"]
    assert {"Auth": trade["token"], "Sid": trade["sid"]} == desk.headers
    assert trade["baseUrl"] == desk.url
    looking = {"Auth": view["token"], "Sid": view["sid"]}
    assert desk.ask("GET", "/quick/user/orders", **looking).status_code == 403


def test_quotes_need_the_app_alone(desk: Desk) -> None:
    desk.place(pt="MKT", pr="0")
    (held,) = desk.get("positions")["data"]
    url = f"{desk.url}/script-details/1.0/quotes/neosymbol/nse_cm|{held['tok']},nse_cm|1/all"
    (found,) = requests.get(url, headers={"Authorization": desk.user["api_key"]}, timeout=60).json()
    assert (found["exchange"], found["exchange_token"]) == ("nse_cm", held["tok"])
    assert found["ltp"].endswith("00")
    assert requests.get(url, headers=desk.headers, timeout=60).status_code == 401
