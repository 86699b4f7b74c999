"""Upstox's routes, v2 and v3: sessions, errors and the books over HTTP.

Belongs here: which request gets which answer, and Upstox's code for each refusal.
Does not belong here: request fields (upstox_forms.py), how a book is written (upstox_wire.py).
"""

import time
from typing import ClassVar

from aiohttp import web
from yarl import URL

from tradesync_dagster.brokers.exchange import upstox_wire as wire
from tradesync_dagster.brokers.exchange.faces import Json, answer, book, json_response, redirect
from tradesync_dagster.brokers.exchange.instruments import Instrument
from tradesync_dagster.brokers.exchange.orders import RefusedError
from tradesync_dagster.brokers.exchange.upstox_forms import (
    INVALID,
    Body,
    order_change,
    order_request,
    read_body,
    refused,
)
from tradesync_dagster.brokers.exchange.venue import Session, Venue

_BY_CAUSE = {
    "token": ("UDAPI100050", "Invalid token used to access API"),
    "instrument": ("UDAPI100011", "Invalid Instrument key"),
    "order": ("UDAPI100010", "Order not found"),
    "cancel": ("UDAPI100040", "Cancel of a cancelled, rejected or completed order"),
    "modify": ("UDAPI100041", "Modification of a cancelled, rejected or completed order"),
    "closed": ("UDAPI100057", "Market is closed"),
}
_BY_STATUS = {
    401: ("UDAPI100050", "Invalid token used to access API"),
    404: ("UDAPI100060", "Resource not Found"),
    429: ("UDAPI10005", "Too Many Request Sent"),
}
_SEARCH_SEGMENTS = {"EQ": ("NSE_EQ", "BSE_EQ"), "FO": ("NSE_FO", "MCX_FO"), "COMM": ("MCX_FO",)}
_MOST_FOUND = 30


def failure(error: RefusedError) -> web.Response:
    """Wrap a refusal as Upstox's error, in both spellings of its names."""
    code, words, path = error.error_type, error.message, error.cause or None
    if not code.startswith("UDAPI"):
        general = (INVALID if error.status < 500 else "UDAPI100500", error.message)
        code, words = _BY_CAUSE.get(error.cause) or _BY_STATUS.get(error.status) or general
    problem = {
        "errorCode": code,
        "message": words,
        "propertyPath": path,
        "invalidValue": None,
        "error_code": code,
        "property_path": path,
        "invalid_value": None,
    }
    return json_response({"status": "error", "errors": [problem]}, error.status)


class UpstoxFace:
    """The handlers; books are serialised once per change and kept."""

    broker: ClassVar[str] = "UPSTOX"
    prefixes: ClassVar[tuple[str, ...]] = ("/v2/", "/v3/")

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        listed = venue.market.instruments.values()
        self._instruments = {wire.instrument_key(item): item for item in listed}

    failure = staticmethod(failure)

    def credentials(self, session: Session) -> dict[str, str]:
        """Give what a client calls with; the token alone tells whose it is, as a JWT does."""
        return {"access_token": f"{session.api_key}.{session.access_token}"}

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every route."""
        market, venue, user = self._venue.market, self._venue, self._user
        for path, priced, write in (
            ("/v2/order/retrieve-all", False, wire.order_book),
            ("/v2/order/trades/get-trades-for-day", False, wire.trades),
            ("/v2/portfolio/short-term-positions", True, lambda a: wire.positions(market, a)),
            ("/v2/portfolio/long-term-holdings", True, lambda a: wire.holdings(market, a)),
            ("/v2/user/get-funds-and-margin", True, lambda a: wire.funds(market, a)),
        ):
            router.add_get(path, book(venue, user, write, priced=priced))
        router.add_get("/v2/login/authorization/dialog", self.dialog)
        router.add_post("/v2/login/authorization/token", self.login)
        router.add_delete("/v2/logout", self.logout)
        router.add_get("/v2/user/profile", self.profile)
        router.add_get("/v2/order/details", self.order_details)
        router.add_get("/v2/order/history", self.order_history)
        router.add_get("/v2/order/trades", self.order_trades)
        router.add_get("/v2/instruments/search", self.search)
        for version in ("v2", "v3"):
            router.add_post(f"/{version}/order/place", self.place)
            router.add_put(f"/{version}/order/modify", self.modify)
            router.add_delete(f"/{version}/order/cancel", self.cancel)

    def _user(self, request: web.Request) -> str:
        """Tell who asks, and bring the market up to the time.

        Raises:
            RefusedError: with the code of a bad token.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        key, _, secret = token.partition(".")
        user_id = self._venue.user_of(f"{key}:{secret}") if scheme == "Bearer" else None
        if user_id is None:
            raise RefusedError("No such token.", "TokenException", 401, "token")
        self._venue.now()
        return user_id

    async def dialog(self, request: web.Request) -> web.Response:
        """Log in as the app's own client, unasked, and redirect as the dialog would."""
        asked = Body(request.query)
        key, back = asked.need("client_id"), asked.need("redirect_uri")
        session = self._venue.session_of(key)
        if session is None:
            raise refused("UDAPI100016", "Invalid Credentials", "client_id", 401)
        told = {"code": session.request_token}
        told |= {"state": request.query["state"]} if "state" in request.query else {}
        return redirect(URL(back).update_query(told))

    async def login(self, request: web.Request) -> web.Response:
        """Exchange the code of a login for a token; the answer has no envelope."""
        form = await request.post()
        session = self._venue.session_of(form.get("client_id"))
        given = (form.get("client_secret"), form.get("code"))
        if session is None or given != (session.api_secret, session.request_token):
            raise refused("UDAPI100016", "Invalid Credentials", "", 401)
        token = self.credentials(session) | {"extended_token": ""}
        return json_response(_profile(session.user_id) | token)

    async def logout(self, request: web.Request) -> web.Response:
        """Kill a session."""
        self._venue.logout(self._user(request))
        return answer(data=True)

    async def profile(self, request: web.Request) -> web.Response:
        """Tell who the client is."""
        return answer(_profile(self._user(request)))

    async def order_details(self, request: web.Request) -> web.Response:
        """Give one order as it is."""
        user_id, order_id = self._user(request), Body(request.query).order_id()
        return answer(wire.order(self._venue.market.find(user_id, order_id)))

    async def order_history(self, request: web.Request) -> web.Response:
        """Give every state of one order, or of those with a tag."""
        user_id, asked = self._user(request), Body(request.query)
        tag = asked.get("tag")
        if asked.get("order_id"):
            orders = [self._venue.market.find(user_id, asked.order_id())]
        elif tag:
            known = self._venue.market.accounts[user_id].orders.values()
            orders = [one for one in known if one.tag == tag]
        else:
            raise refused("UDAPI100059", "Must provide either 'order_id' or 'tag'", "order_id")
        return answer([row for one in orders for row in wire.history(one)])

    async def order_trades(self, request: web.Request) -> web.Response:
        """Give one order's trades."""
        user_id, order_id = self._user(request), Body(request.query).order_id()
        self._venue.market.find(user_id, order_id)
        account = self._venue.market.accounts[user_id]
        found = [fill for fill in account.fills if fill.order_id == order_id]
        return answer([wire.trade(account, fill) for fill in found])

    async def place(self, request: web.Request) -> web.Response:
        """Place an order; a rejection shows in the book, not here."""
        begun, user_id = time.monotonic_ns(), self._user(request)
        wanted = order_request(read_body(await request.read()), self._instruments)
        order_id = self._venue.place(user_id, wanted).order_id
        sliced = request.path.startswith("/v3/")  # it might have become several orders there
        data: Json = {"order_ids": [order_id]} if sliced else {"order_id": order_id}
        return _written(request, data, begun)

    async def modify(self, request: web.Request) -> web.Response:
        """Change an open order."""
        begun, user_id = time.monotonic_ns(), self._user(request)
        body = read_body(await request.read())
        order = self._venue.modify(user_id, body.order_id(), order_change(body))
        return _written(request, {"order_id": order.order_id}, begun)

    async def cancel(self, request: web.Request) -> web.Response:
        """Cancel an open order."""
        begun, user_id = time.monotonic_ns(), self._user(request)
        order = self._venue.cancel(user_id, Body(request.query).order_id())
        return _written(request, {"order_id": order.order_id}, begun)

    async def search(self, request: web.Request) -> web.Response:
        """Find instruments whose symbol or name holds the words asked for, thirty at most."""
        self._user(request)
        words = Body(request.query).need("query").upper()
        exchanges = [word for word in request.query.get("exchanges", "").split(",") if word]
        segments = [
            segment
            for word in request.query.get("segments", "").split(",")
            for segment in _SEARCH_SEGMENTS.get(word, ())
        ]

        def fits(item: Instrument) -> bool:
            mine = wire.segment(item)
            return (
                (words in item.symbol or words in item.name.upper())
                and (not exchanges or mine.partition("_")[0] in exchanges)
                and (not segments or mine in segments)
            )

        found = [wire.instrument(item) for item in self._instruments.values() if fits(item)]
        page = {"page_number": 1, "records": len(found[:_MOST_FOUND]), "total_records": len(found)}
        body = {"status": "success", "data": found[:_MOST_FOUND], "meta_data": {"page": page}}
        return json_response(body)


def _written(request: web.Request, data: Json, begun: int) -> web.Response:
    """Answer a write; v3 tells how long it took."""
    body: Json = {"status": "success", "data": data}
    if request.path.startswith("/v3/"):
        body["metadata"] = {"latency": (time.monotonic_ns() - begun) // 1_000_000}
    return json_response(body)


def _profile(user_id: str) -> Json:
    return {
        "email": f"{user_id.lower()}@example.invalid",
        "exchanges": ["NSE", "BSE", "NFO", "MCX"],
        "products": ["D", "I"],
        "broker": "UPSTOX",
        "user_id": user_id,
        "user_name": f"Simulated Client {user_id[3:]}",
        "order_types": ["MARKET", "LIMIT", "SL", "SL-M"],
        "user_type": "individual",
        "poa": False,
        "is_active": True,
    }
