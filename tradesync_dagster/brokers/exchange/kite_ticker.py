"""Kite's websocket: every change of a client's orders as it happens, and heartbeats.

Belongs here: who may listen, and which changes are told.
Does not belong here: how an order is written (kite_wire.py). Quotes are not sent: what a client
subscribes to is read and left.
"""

import asyncio
import contextlib
from collections.abc import Callable

import orjson
from aiohttp import web

from tradesync_dagster.brokers.exchange import kite_wire as wire
from tradesync_dagster.brokers.exchange.faces import Json
from tradesync_dagster.brokers.exchange.orders import Order, OrderEvent, RefusedError
from tradesync_dagster.brokers.exchange.venue import Venue

_HEARTBEAT = b"\x00"
_HEARTBEAT_SECONDS = 1.0
_MOST_BYTES = 64 * 1024
"""Longest message that a client may send."""


class Ticker:
    """The handler of websockets."""

    def __init__(self, venue: Venue, owner: Callable[[str], str | None], unknown: str) -> None:
        """Speak of this venue.

        Args:
            venue: Whose orders.
            owner: Tells whose "api_key:access_token" one is, if it is good.
            unknown: What somebody is told who has no good one.
        """
        self._venue = venue
        self._owner = owner
        self._unknown = unknown

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Let a client listen until it goes or its session ends.

        Raises:
            RefusedError: it asks for no websocket, or its token is not good.
        """
        ws = web.WebSocketResponse(max_msg_size=_MOST_BYTES)
        if not ws.can_prepare(request).ok:
            raise RefusedError("Route not found", "GeneralException", 404)
        token = ":".join(request.query.get(name, "") for name in ("api_key", "access_token"))
        user_id = self._owner(token)
        if user_id is None:
            raise RefusedError(self._unknown, "TokenException", 403)
        await ws.prepare(request)
        telling = asyncio.create_task(self._tell(ws, token, user_id))
        try:
            async for _ in ws:
                continue
        finally:
            telling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await telling
        return ws

    async def _tell(self, ws: web.WebSocketResponse, token: str, user_id: str) -> None:
        account, news = self._venue.market.accounts[user_id], asyncio.Event()
        told = {order.order_id: len(order.history) for order in account.orders.values()}
        self._venue.heard_by.append(news.set)
        try:
            while self._owner(token) == user_id:
                for order in list(account.orders.values()):
                    begin = max(told.get(order.order_id, 0), 1)  # that it came in is no news
                    told[order.order_id] = len(order.history)
                    for event in order.history[begin:]:
                        await ws.send_str(orjson.dumps(_update(order, event)).decode())
                if not await _within(_HEARTBEAT_SECONDS, news):
                    await ws.send_bytes(_HEARTBEAT)
                news.clear()
            await ws.close()
        except ConnectionError:
            return  # the client went; the reader sees it too
        finally:
            self._venue.heard_by.remove(news.set)


async def _within(seconds: float, news: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await news.wait()
    except TimeoutError:
        return False


def _update(order: Order, event: OrderEvent) -> Json:
    """Write one change as the postback has it; what comes this way bears no checksum."""
    row = wire.history(order, event)
    left = {"user_id": order.user_id, "unfilled_quantity": row["pending_quantity"], "checksum": ""}
    return {"type": "order", "data": row | left}
