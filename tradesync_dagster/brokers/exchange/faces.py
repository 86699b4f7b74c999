"""Faces: one market, spoken to in several brokers' wire formats.

Belongs here: what every face gives the server, and what all of them do alike.
Does not belong here: a broker's paths, fields and words (one face a broker: kite.py, upstox.py).

A new face is a class with the members of `Face`, and its name in `server.FACES`.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, Protocol

import orjson
from aiohttp import web
from yarl import URL

from tradesync_dagster.brokers.exchange.ledger import Account
from tradesync_dagster.brokers.exchange.orders import Order, RefusedError
from tradesync_dagster.brokers.exchange.venue import Session, Venue

VENUE = web.AppKey("venue", Venue)

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.Response]]


class Face(Protocol):
    """One broker's side of the exchange.

    Attributes:
        broker: The broker's name, as accounts and `/sim/accounts` have it.
        prefixes: How its paths begin; where several faces fit a path, the longest prefix has it.
    """

    broker: ClassVar[str]
    prefixes: ClassVar[tuple[str, ...]]

    def __init__(self, venue: Venue) -> None:
        """Speak of this venue."""
        ...

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every route."""
        ...

    def failure(self, error: RefusedError) -> web.Response:
        """Tell of a refusal as the broker does."""
        ...

    def credentials(self, session: Session) -> dict[str, str]:
        """Give what a client of this broker calls with, by the names its adapter asks for."""
        ...


def face_of(faces: Sequence[Face], path: str) -> Face:
    """Find whose path it is; there is always one, for Kite's begin with anything."""
    fitting = [
        (len(prefix), face) for face in faces for prefix in face.prefixes if path.startswith(prefix)
    ]
    return max(fitting, key=lambda found: found[0])[1]


def json_response(body: Any, status: int = 200) -> web.Response:
    """Answer with JSON."""
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


def success(data: Any) -> Json:
    """Wrap data as a success, in the envelope that Kite and Upstox share."""
    return {"status": "success", "data": data}


def answer(data: Any) -> web.Response:
    """Answer with data in that envelope."""
    return json_response(success(data))


def redirect(url: URL) -> web.Response:
    """Send a browser on, as a login page does when somebody has logged in."""
    return web.Response(status=302, headers={"Location": str(url)})


def status_word(one: Order, status: str, *, again: bool) -> str:
    """Give a state's word at Upstox and Kotak: lower case, before the market opens words apart.

    Args:
        one: The order.
        status: The state.
        again: Whether the order waited for the market before, and was changed.
    """
    if status == "AMO REQ RECEIVED":
        return f"{'modify ' if again else ''}after market order req received"
    if status == "CANCELLED" and one.variety == "amo" and one.exchange_order_id is None:
        return "cancelled after market order"
    return status.lower()


def book(
    venue: Venue,
    user_of: Callable[[web.Request], str],
    write: Callable[[Account], Any],
    *,
    priced: bool,
    wrap: Callable[[Any], Json] = success,
) -> Handler:
    """Make a handler that keeps its bytes until the account (or a price) changes."""
    market, kept = venue.market, dict[str, tuple[object, bytes]]()

    async def handler(request: web.Request) -> web.Response:
        user_id = user_of(request)
        account = market.accounts[user_id]
        version = (account.version, market.version if priced else 0)
        known = kept.get(user_id)
        if known is None or known[0] != version:
            known = kept[user_id] = (version, orjson.dumps(wrap(write(account))))
        return web.Response(body=known[1], content_type="application/json")

    return handler
