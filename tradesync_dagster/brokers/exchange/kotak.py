"""Kotak Neo's routes: sessions, errors and the books over HTTP.

Belongs here: which request gets which answer, and Kotak's body for each refusal.
Does not belong here: request fields (kotak_forms.py), how a book is written (kotak_wire.py,
kotak_portfolio.py).
"""

from collections.abc import Callable
from typing import ClassVar
from uuid import UUID

from aiohttp import web

from tradesync_dagster.brokers.exchange import kotak_portfolio as portfolio
from tradesync_dagster.brokers.exchange import kotak_wire as wire
from tradesync_dagster.brokers.exchange.faces import Json, book, json_response
from tradesync_dagster.brokers.exchange.kotak_forms import (
    Fields,
    order_change,
    order_request,
    read_fields,
    read_object,
)
from tradesync_dagster.brokers.exchange.ledger import Account
from tradesync_dagster.brokers.exchange.orders import Order, RefusedError
from tradesync_dagster.brokers.exchange.venue import Session, Venue

_OK: Json = {"stat": "Ok", "stCode": 200}
_NO_DATA: Json = {"stat": "Not_Ok", "errMsg": "No Data", "stCode": 5203, "tid": "server1_1"}
"""How most books say that they are empty."""
_DONE: Json = {
    "stCode": 1021,
    "errMsg": "order is completed",
    "stat": "please provide valid order number",
}
_NOT_OURS: Json = {
    "error": [
        {"code": "91400", "message": "The action is only for orders that were placed by the API."}
    ]
}
_SESSION, _INTERNAL, _BAD_INPUT = 100022, 1005, 5204
_BY_CAUSE: dict[str, tuple[Json, int]] = {
    "order": (_NOT_OURS, 400),
    "cancel": (_DONE, 200),
    "modify": (_DONE, 200),
}


def _bare(rows: list[Json]) -> Json:
    return {"data": rows}


def _marked(rows: list[Json]) -> Json:
    """Wrap a book with a status; without rows it has no data."""
    return _OK | {"data": rows} if rows else _NO_DATA


def failure(error: RefusedError) -> web.Response:
    """Tell of a refusal; Kotak has three shapes for it, and sends some of them as HTTP 200."""
    if error.cause in _BY_CAUSE:
        body, status = _BY_CAUSE[error.cause]
        return json_response(body, status)
    if error.status == 404:
        return json_response({"error": [{"code": 404, "message": error.message}]}, 404)
    code = int(error.error_type) if error.error_type.isdigit() else _BAD_INPUT
    if error.error_type == "TokenException":
        code = _SESSION
    elif error.status >= 500:
        code = _INTERNAL
    return json_response({"stat": "Not_Ok", "errMsg": error.message, "stCode": code}, error.status)


class KotakFace:
    """The handlers; books are serialised once per change and kept."""

    broker: ClassVar[str] = "KOTAK"
    prefixes: ClassVar[tuple[str, ...]] = (
        "/quick/", "/portfolio/v1/", "/portfolio/v2/", "/login/1.0/", "/script-details/1.0/",
    )  # fmt: skip

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        listed = venue.market.instruments.values()
        self._by_name = {
            (wire.SEGMENTS[item.exchange], item.series_symbol): item for item in listed
        }
        self._by_token = {f"{wire.SEGMENTS[one.exchange]}|{wire.token(one)}": one for one in listed}

    failure = staticmethod(failure)

    def credentials(self, session: Session) -> dict[str, str]:
        """Give what a client calls with: the app's key, and a session's token and id."""
        return {
            "api_key": session.api_key,
            "access_token": f"neo.{session.api_key}.{session.access_token}",
            "sid": str(UUID(session.access_token[::-1])),
        }

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every route."""
        market = self._venue.market
        books: tuple[tuple[str, bool, Callable[[Account], list[Json]]], ...] = (
            ("/quick/user/orders", False, wire.order_book),
            ("/quick/user/trades", False, wire.trades),
            ("/quick/user/positions", True, lambda account: portfolio.positions(market, account)),
            ("/portfolio/v2/positions", True, lambda account: portfolio.positions(market, account)),
            ("/portfolio/v1/holdings", True, lambda account: portfolio.holdings(market, account)),
        )
        for path, priced, write in books:
            wrap = _bare if "holdings" in path else _marked
            router.add_get(path, book(self._venue, self._user, write, priced=priced, wrap=wrap))
        router.add_post("/login/1.0/tradeApiLogin", self.login)
        router.add_post("/login/1.0/tradeApiValidate", self.validate)
        router.add_post("/quick/user/limits", self.limits)
        router.add_post("/quick/order/history", self.history)
        router.add_post("/quick/order/rule/ms/place", self.place)
        router.add_post("/quick/order/vr/modify", self.modify)
        router.add_post("/quick/order/cancel", self.cancel)
        router.add_get("/script-details/1.0/quotes/neosymbol/{names}", self.quotes)
        router.add_get("/script-details/1.0/quotes/neosymbol/{names}/{part}", self.quotes)

    def _user(self, request: web.Request) -> str:
        """Tell who asks, and bring the market up to the time.

        Raises:
            RefusedError: with the code of a bad session.
        """
        mark, _, rest = request.headers.get("Auth", "").partition(".")
        key, _, secret = rest.partition(".")
        user_id = self._venue.user_of(f"{key}:{secret}") if mark == "neo" else None
        if user_id is not None:
            own = self.credentials(self._venue.sessions[user_id])
            app = request.headers.get("Authorization", key)  # its own key, where one is sent
            if (request.headers.get("Sid"), app) == (own["sid"], own["api_key"]):
                self._venue.now()
                return user_id
        raise RefusedError("invalid session token", "TokenException", 403)

    async def login(self, request: web.Request) -> web.Response:
        """Take the one-time password for a token that can only look; the next step is the PIN."""
        session, body = self._app(request), read_object(await request.read() or b"{}")
        if (body.get("ucc"), body.get("totp")) != (session.user_id, session.request_token):
            raise RefusedError("Invalid credentials or TOTP.", "TokenException", 401)
        return json_response({"data": self._session(session, request, "View")})

    async def validate(self, request: web.Request) -> web.Response:
        """Take the PIN for a token that can trade."""
        session, body = self._app(request), read_object(await request.read() or b"{}")
        shown = (request.headers.get("sid"), request.headers.get("Auth"))
        view = self._session(session, request, "View")
        if shown != (view["sid"], view["token"]) or body.get("mpin") != session.api_secret:
            raise RefusedError("Invalid MPIN.", "TokenException", 401)
        return json_response({"data": self._session(session, request, "Trade")})

    def _app(self, request: web.Request) -> Session:
        session = self._venue.session_of(request.headers.get("Authorization"))
        if session is None:
            raise RefusedError("Invalid credentials or TOTP.", "TokenException", 401)
        return session

    def _session(self, session: Session, request: web.Request, kind: str) -> Json:
        own = self.credentials(session)
        view = {"token": f"view.{session.request_token}", "sid": session.request_token}
        trade = {
            "token": own["access_token"], "sid": own["sid"], "baseUrl": str(request.url.origin()),
        }  # fmt: skip
        return {
            "ucc": session.user_id,
            "greetingName": f"Simulated Client {session.user_id[3:]}",
            "kType": kind,
            "status": "success",
        } | (trade if kind == "Trade" else view)

    async def limits(self, request: web.Request) -> web.Response:
        """Give the funds."""
        account = self._venue.market.accounts[self._user(request)]
        read_fields(await request.post())
        return json_response(portfolio.limits(self._venue.market, account) | _OK)

    async def quotes(self, request: web.Request) -> web.Response:
        """Give quotes, as a bare list; unknown instruments are left out."""
        self._app(request)
        self._venue.now()
        names = request.match_info["names"].split(",")
        known = [self._by_token[name] for name in names if name in self._by_token]
        return json_response([portfolio.quote(self._venue.market, item) for item in known])

    async def history(self, request: web.Request) -> web.Response:
        """Give every state an order went through."""
        user_id, fields = self._user(request), read_fields(await request.post())
        order = self._placed(user_id, fields, "nOrdNo")
        return json_response(_OK | {"data": wire.history(order)})

    async def place(self, request: web.Request) -> web.Response:
        """Place an order; a rejection shows in the book, not here."""
        user_id, fields = self._user(request), read_fields(await request.post())
        wanted = order_request(fields, self._by_name)
        return _written(self._venue.place(user_id, wanted))

    async def modify(self, request: web.Request) -> web.Response:
        """Change an open order."""
        user_id, fields = self._user(request), read_fields(await request.post())
        order = self._placed(user_id, fields, "no")
        return _written(self._venue.modify(user_id, order.order_id, order_change(fields)))

    async def cancel(self, request: web.Request) -> web.Response:
        """Cancel an open order; one that waits for the market must be called so.

        Kotak documents that its symbol must be named too, and its own client does not name it.
        """
        user_id, fields = self._user(request), read_fields(await request.post())
        order = self._placed(user_id, fields, "on")
        waits = order.status == "AMO REQ RECEIVED"
        symbol = order.instrument.series_symbol
        if waits and (fields.get("am"), fields.get("ts") or symbol) != ("YES", symbol):
            raise RefusedError("Cancel Order Response : Bad Input", str(_BAD_INPUT))
        return _written(self._venue.cancel(user_id, order.order_id))

    def _placed(self, user_id: str, fields: Fields, name: str) -> Order:
        """Find an order that came by the API; others can only be touched where they came from.

        Raises:
            RefusedError: there is none with that id.
        """
        order = self._venue.market.find(user_id, fields.need(name))
        if order.by_hand:
            raise RefusedError("It was placed by hand.", cause="order")
        return order


def _written(order: Order) -> web.Response:
    return json_response(_OK | {"nOrdNo": order.order_id})
