"""AutoTrader Web's routes: keys, errors and the books over HTTP.

Belongs here: which request gets which answer.
Does not belong here: form fields (autotrader_forms.py), how a book is written (autotrader_wire.py).
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from aiohttp import web

from tradesync_dagster.brokers.exchange import autotrader_forms as forms
from tradesync_dagster.brokers.exchange import autotrader_wire as wire
from tradesync_dagster.brokers.exchange.faces import Json, book, json_response
from tradesync_dagster.brokers.exchange.ledger import Account
from tradesync_dagster.brokers.exchange.orders import RefusedError
from tradesync_dagster.brokers.exchange.venue import Session, Venue


def envelope(result: Any, message: str | None = None, *, done: bool = True) -> Json:
    """Wrap what AutoTrader says."""
    return {"result": result, "message": message, "status": done, "commandId": None}


def failure(error: RefusedError) -> web.Response:
    """Tell of a refusal in words; to HTTP one that is about the order is as good as any answer."""
    about_order = error.status == 400 or error.cause == "order"
    status = 200 if about_order else error.status
    return json_response(envelope(None, error.message, done=False), status)


class AutoTraderFace:
    """The handlers; books are serialised once per change and kept.

    A key is one account's here, though AutoTrader's own opens all of a user's.
    """

    broker: ClassVar[str] = "AUTOTRADER"
    prefixes: ClassVar[tuple[str, ...]] = ("/trading/",)

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        listed = venue.market.instruments.values()
        self._listed = {(item.exchange, item.symbol): item for item in listed} | {
            (item.exchange, wire.independent_symbol(item)): item for item in listed
        }

    failure = staticmethod(failure)

    def credentials(self, session: Session) -> dict[str, str]:
        """Give what a client calls with; the key alone tells whose it is."""
        key = f"{session.api_key}-{session.access_token}"
        return {"api_key": key, "pseudo_account": session.user_id}

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every route."""
        market = self._venue.market
        books: tuple[tuple[str, bool, Callable[[Account], list[Json]]], ...] = (
            ("Orders", False, wire.order_book),
            ("Positions", True, lambda account: wire.positions(market, account)),
            ("Holdings", True, lambda account: wire.holdings(market, account)),
            ("Margins", True, lambda account: wire.margins(market, account)),
        )

        def user(request: web.Request) -> str:
            return self._user(request, request.query)

        for name, priced, write in books:
            handler = book(self._venue, user, write, priced=priced, wrap=envelope)
            router.add_get(f"/trading/readPlatform{name}", handler)
        router.add_post("/trading/placeRegularOrder", self.place)
        router.add_post("/trading/placeAdvancedOrder", self.place)
        router.add_post("/trading/modifyOrderByPlatformId", self.modify)
        router.add_post("/trading/cancelOrderByPlatformId", self.cancel)

    def _user(self, request: web.Request, fields: Mapping[str, object]) -> str:
        """Tell who asks, and bring the market up to the time.

        Raises:
            RefusedError: the key is not known, or not the account's.
        """
        key, _, secret = request.headers.get("api-key", "").partition("-")
        user_id = self._venue.user_of(f"{key}:{secret}")
        if user_id is None:
            raise RefusedError("Invalid API key.", "TokenException", 403, "token")
        forms.account_name(fields, user_id)
        self._venue.now()
        return user_id

    async def place(self, request: web.Request) -> web.Response:
        """Place an order; a rejection shows in the book, not here."""
        fields = await request.post()
        user_id = self._user(request, fields)
        order = self._venue.place(user_id, forms.order_request(fields, self._listed))
        return json_response(envelope(order.order_id))

    async def modify(self, request: web.Request) -> web.Response:
        """Change an open order."""
        fields = await request.post()
        user_id = self._user(request, fields)
        self._venue.modify(user_id, forms.order_id(fields), forms.order_change(fields))
        return json_response(envelope(result=True))

    async def cancel(self, request: web.Request) -> web.Response:
        """Cancel an open order."""
        fields = await request.post()
        user_id = self._user(request, fields)
        self._venue.cancel(user_id, forms.order_id(fields))
        return json_response(envelope(result=True))
