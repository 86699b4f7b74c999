"""Kite Connect v3's routes: sessions, errors and the books over HTTP.

Belongs here: which request gets which answer.
Does not belong here: form fields (kite_forms.py), how a book is written (kite_wire.py), the
simulator's own routes (control.py).
"""

from collections.abc import Callable
from typing import Any, ClassVar

from aiohttp import web
from yarl import URL

from tradesync_dagster.brokers.exchange import kite_wire as wire
from tradesync_dagster.brokers.exchange.faces import Json, answer, book, json_response, redirect
from tradesync_dagster.brokers.exchange.kite_forms import (
    ALLOWED,
    VARIETIES,
    Form,
    order_change,
    order_request,
)
from tradesync_dagster.brokers.exchange.kite_ticker import Ticker
from tradesync_dagster.brokers.exchange.orders import RefusedError
from tradesync_dagster.brokers.exchange.units import stamp
from tradesync_dagster.brokers.exchange.venue import Session, Venue

_REDIRECT = "https://desk.invalid/"
"""An app's own address, which Kite knows and the login page redirects to."""


def failure(error: RefusedError) -> web.Response:
    """Wrap a refusal as the broker's error."""
    body = {
        "status": "error",
        "message": error.message,
        "data": None,
        "error_type": error.error_type,
    }
    return json_response(body, error.status)


class KiteFace:
    """The handlers; books are serialised once per change and kept."""

    broker: ClassVar[str] = "ZERODHA"
    prefixes: ClassVar[tuple[str, ...]] = ("/",)
    root: ClassVar[str] = ""
    unknown: ClassVar[str] = "Incorrect `api_key` or `access_token`."

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    failure = staticmethod(failure)

    def credentials(self, session: Session) -> dict[str, str]:
        """Give what a client calls with."""
        return {"api_key": session.api_key, "access_token": session.access_token}

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every route."""
        market, root = self._venue.market, self.root
        books: tuple[tuple[str, bool, Callable[[Any], Any]], ...] = (
            ("/orders", False, wire.order_book),
            ("/trades", False, lambda account: [wire.trade(fill) for fill in account.fills]),
            ("/portfolio/positions", True, lambda account: wire.positions(market, account)),
            ("/portfolio/holdings", True, lambda account: wire.holdings(market, account)),
            ("/user/margins", True, lambda account: wire.margins(market, account)),
        )
        for path, priced, write in books:
            router.add_get(root + path, book(self._venue, self._user, write, priced=priced))
        ticker = Ticker(self._venue, self._owner, self.unknown)
        router.add_get(root + "/", ticker.connect)
        router.add_get(root + "/connect/login", self.page)
        router.add_post(root + "/session/token", self.login)
        router.add_delete(root + "/session/token", self.logout)
        router.add_get(root + "/user/profile", self.profile)
        router.add_get(root + "/user/margins/{segment}", self.margin)
        router.add_get(root + "/orders/{order_id}", self.order_history)
        router.add_get(root + "/orders/{order_id}/trades", self.order_trades)
        router.add_post(root + "/orders/{variety}", self.place)
        router.add_put(root + "/orders/{variety}/{order_id}", self.modify)
        router.add_delete(root + "/orders/{variety}/{order_id}", self.cancel)
        router.add_get(root + "/instruments", self.instruments)
        router.add_get(root + "/instruments/{exchange}", self.instruments)
        router.add_get(root + "/quote", self.quote)
        router.add_get(root + "/quote/{depth:ltp|ohlc}", self.quote)

    def _user(self, request: web.Request) -> str:
        """Tell who asks, and bring the market up to the time.

        Raises:
            RefusedError: a TokenException.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        user_id = self._owner(token) if scheme == "token" else None
        if user_id is None:
            raise RefusedError(self.unknown, "TokenException", 403)
        self._venue.now()
        return user_id

    def _owner(self, token: str) -> str | None:
        """Tell whose "api_key:access_token" this is, if it is good."""
        return self._venue.user_of(token)

    async def page(self, request: web.Request) -> web.Response:
        """Log in as the app's own client, unasked, and redirect as the login page would."""
        session = self._venue.session_of(Form(request.query).need("api_key"))
        if session is None:
            raise RefusedError("Invalid `api_key`.")
        told = {"action": "login", "status": "success", "request_token": session.request_token}
        return redirect(URL(_REDIRECT).with_query(told))

    async def login(self, request: web.Request) -> web.Response:
        """Exchange a request token for a session."""
        form = Form(await request.post())
        key, token = form.need("api_key"), form.need("request_token")
        checksum = form.need("checksum")
        session = self._venue.session_of(key)
        if session is None or (token, checksum) != (session.request_token, session.checksum()):
            raise RefusedError("Token is invalid or has expired.", "TokenException", 403)
        return answer(self._session(session))

    def _session(self, session: Session) -> Json:
        return (
            self._profile(session.user_id)
            | self.credentials(session)
            | {
                "user_id": session.user_id,
                "public_token": session.access_token[::-1],
                "refresh_token": "",
                "enctoken": "",
                "login_time": stamp(self._venue.now()),
            }
        )

    async def logout(self, request: web.Request) -> web.Response:
        """Kill a session."""
        form = Form(request.query)
        token = f"{form.need('api_key')}:{form.need('access_token')}"
        user_id = self._owner(token)
        if user_id is None:
            raise RefusedError(self.unknown, "TokenException", 403)
        self._venue.logout(user_id)
        return answer(data=True)

    async def profile(self, request: web.Request) -> web.Response:
        """Tell who the client is."""
        user_id = self._user(request)
        return answer({"user_id": user_id} | self._profile(user_id))

    def _profile(self, user_id: str) -> Json:
        return {
            "user_type": "individual",
            "email": f"{user_id.lower()}@example.invalid",
            "user_name": f"Simulated Client {user_id.removeprefix('SIM')}",
            "user_shortname": user_id,
            "broker": self.broker,
            "exchanges": list(ALLOWED["exchange"]),
            "products": list(ALLOWED["product"]),
            "order_types": list(ALLOWED["order_type"]),
            "avatar_url": None,
            "meta": {"demat_consent": "physical"},
        }

    async def margin(self, request: web.Request) -> web.Response:
        """Give one segment's margins."""
        account = self._venue.market.accounts[self._user(request)]
        both = wire.margins(self._venue.market, account)
        segment = request.match_info["segment"]
        if segment not in both:
            raise RefusedError("Invalid `segment`.")
        return answer(both[segment])

    async def order_history(self, request: web.Request) -> web.Response:
        """Give every state an order went through."""
        order = self._venue.market.find(self._user(request), request.match_info["order_id"])
        return answer([wire.history(order, event) for event in order.history])

    async def order_trades(self, request: web.Request) -> web.Response:
        """Give one order's trades."""
        user_id, order_id = self._user(request), request.match_info["order_id"]
        self._venue.market.find(user_id, order_id)
        fills = self._venue.market.accounts[user_id].fills
        return answer([wire.trade(fill) for fill in fills if fill.order_id == order_id])

    async def place(self, request: web.Request) -> web.Response:
        """Place an order; a rejection shows in the book, not here."""
        user_id = self._user(request)
        wanted = order_request(Form(await request.post()), request.match_info["variety"])
        return answer({"order_id": self._venue.place(user_id, wanted).order_id})

    async def modify(self, request: web.Request) -> web.Response:
        """Change an open order."""
        user_id = self._user(request)
        change = order_change(Form(await request.post()))
        order = self._venue.modify(user_id, self._order_id(request), change)
        return answer({"order_id": order.order_id})

    async def cancel(self, request: web.Request) -> web.Response:
        """Cancel an open order."""
        user_id = self._user(request)
        return answer({"order_id": self._venue.cancel(user_id, self._order_id(request)).order_id})

    @staticmethod
    def _order_id(request: web.Request) -> str:
        if request.match_info["variety"] not in VARIETIES:
            raise RefusedError("Invalid `variety`.")
        return request.match_info["order_id"]

    async def instruments(self, request: web.Request) -> web.Response:
        """Give the instruments as CSV; needs no session, as at the broker."""
        text = wire.instruments_csv(self._venue.market, request.match_info.get("exchange"))
        return web.Response(text=text, content_type="text/csv")

    async def quote(self, request: web.Request) -> web.Response:
        """Give quotes; unknown instruments are left out, as at the broker."""
        self._user(request)
        market = self._venue.market
        depth = request.match_info.get("depth", "quote")
        keys = request.query.getall("i", [])
        known = [market.instruments[key] for key in keys if key in market.instruments]
        return answer({item.key: wire.quote(market, item, depth) for item in known})
