"""The simulator's own routes, under /sim/: steering it and asking it for the truth.

Belongs here: what no broker has - credentials of all, steps, the clock, faults, all days' books.
Does not belong here: anything a broker's client calls (the faces).
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
from aiohttp import web

from tradesync_dagster.brokers.exchange import truth
from tradesync_dagster.brokers.exchange.faces import Face, answer, json_response
from tradesync_dagster.brokers.exchange.faults import KINDS, Fault, Faults
from tradesync_dagster.brokers.exchange.kite_forms import Form, order_change, order_request
from tradesync_dagster.brokers.exchange.orders import SOURCES, Order, RefusedError
from tradesync_dagster.brokers.exchange.units import IST, in_zone, text
from tradesync_dagster.brokers.exchange.venue import Venue

_MOST_STEPS = 100_000
_MOST_SLICES = 100
_NAME = re.compile(r"[A-Za-z0-9._@:-]{1,129}")
_FACE = "PAPER"
"""Where an account is that somebody opened."""


async def _body(request: web.Request) -> dict[str, Any]:
    """Read the JSON object of a request; no body is an empty one.

    Raises:
        RefusedError: it is no JSON object.
    """
    raw = await request.read()
    try:
        body = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError as error:
        raise RefusedError("The body is not JSON.") from error
    if not isinstance(body, dict):
        raise RefusedError("The body is not a JSON object.")
    return body


def _slices(quantity: int, most: int) -> list[int]:
    """Cut a quantity.

    Raises:
        RefusedError: it would be cut into nothing, or into too many.
    """
    if quantity and not 0 < quantity <= most * _MOST_SLICES:
        raise RefusedError(f"`slice_quantity` cuts an order into {_MOST_SLICES} at most.")
    return [min(most, quantity - start) for start in range(0, quantity, most)] if quantity else [0]


class ControlRoutes:
    """The handlers."""

    def __init__(
        self, venue: Venue, faults: Faults, faces: Sequence[Face], brokers: Sequence[str]
    ) -> None:
        known = {face.broker for face in faces}
        if not brokers or not known.issuperset(brokers):
            raise ValueError(f"`brokers` are some of {', '.join(sorted(known))}.")
        self._venue = venue
        self._faults = faults
        self._faces = faces
        self._brokers = brokers

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every route."""
        router.add_get("/sim/health", self.health)
        router.add_get("/sim/accounts", self.accounts)
        router.add_post("/sim/accounts", self.open_account)
        router.add_get("/sim/charges/{user_id}", self.charges)
        router.add_post("/sim/step", self.step)
        router.add_post("/sim/orders", self.place)
        router.add_put("/sim/orders/{user_id}/{order_id}", self.modify)
        router.add_delete("/sim/orders/{user_id}/{order_id}", self.cancel)
        router.add_get("/sim/prices", self.prices)
        router.add_get("/sim/truth/{user_id}", self.truth)
        router.add_get("/sim/tradebook/{user_id}", self.tradebook)
        router.add_post("/sim/clock", self.clock)
        router.add_post("/sim/logout", self.logout)
        router.add_post("/sim/faults", self.arm)
        router.add_delete("/sim/faults", self.disarm)

    def _known(self, user_id: object) -> str:
        if not isinstance(user_id, str) or user_id not in self._venue.sessions:
            raise RefusedError("There is no such account.", status=404)
        return user_id

    async def health(self, request: web.Request) -> web.Response:
        """Say that it runs, and its time."""
        del request
        return answer(
            {
                "now": self._venue.now().isoformat(),
                "frozen": self._venue.clock.stands_at is not None,
                "accounts": len(self._venue.sessions),
                "faults": len(self._faults.armed),
            }
        )

    async def accounts(self, request: web.Request) -> web.Response:
        """Give everybody's broker and credentials, as a bare list.

        Each account can be seen through every face: `credentials` has what its client calls with
        by broker. The bare ones are for logging in, at any broker, and for Kite.
        """
        del request
        opened = {row.user_id for row in self._venue.market.accounts.values() if row.opened}
        rows = [
            {
                "user_id": session.user_id,
                "broker": _FACE
                if session.user_id in opened
                else self._brokers[number % len(self._brokers)],
                "opened": session.user_id in opened,
                "api_key": session.api_key,
                "api_secret": session.api_secret,
                "request_token": session.request_token,
                "access_token": session.access_token,
                "credentials": {face.broker: face.credentials(session) for face in self._faces},
            }
            for number, session in enumerate(self._venue.sessions.values())
        ]
        return json_response(rows)

    async def open_account(self, request: web.Request) -> web.Response:
        """Open a paper account with some cash, or find it open; gives its credentials.

        `charges` (true unless told otherwise) says whether its trades cost brokerage, taxes and
        fees. An account that is open keeps its cash, whatever is asked.
        """
        body = await _body(request)
        user_id, charged = body.get("user_id"), body.get("charges", True)
        if not isinstance(user_id, str) or not _NAME.fullmatch(user_id):
            raise RefusedError("`user_id` is up to 129 letters, digits or . _ @ : -")
        if not isinstance(charged, bool):
            raise RefusedError("`charges` is true or false.")
        cash = Form({"cash": body.get("cash", "")}).price("cash")
        if not cash:
            raise RefusedError('`cash` is an amount above zero, such as "1000000".')
        new = self._venue.open_account(user_id, cash, charged=charged)
        face = next(face for face in self._faces if face.broker == _FACE)
        credentials = face.credentials(self._venue.sessions[user_id])
        told = {"user_id": user_id, "opened": new, "credentials": credentials}
        return answer(told | {"cash": text(self._venue.market.accounts[user_id].cash)})

    async def charges(self, request: web.Request) -> web.Response:
        """Give what an account's trades have cost, in all, by day and one by one."""
        user_id = self._known(request.match_info["user_id"])
        return answer(truth.charges(self._venue.market.accounts[user_id]))

    async def step(self, request: web.Request) -> web.Response:
        """Let the market live some steps."""
        steps = (await _body(request)).get("steps", 1)
        if not isinstance(steps, int) or not 0 <= steps <= _MOST_STEPS:
            raise RefusedError(f"`steps` is a whole number up to {_MOST_STEPS}.")
        placed = self._venue.step(steps)
        return answer({"steps": steps, "orders_by_hand": placed, "now": self._now()})

    async def place(self, request: web.Request) -> web.Response:
        """Place an order past the clients: no tag unless one is given.

        `source` says what places it, by hand unless told otherwise. An `auto_slice` has a
        `slice_quantity`: what is more is placed in as many orders as it takes, and the answer
        gives all their ids, the first one being what the others are slices of.
        """
        body = await _body(request)
        source, cut = body.pop("source", "by_hand"), body.pop("slice_quantity", None)
        if source not in SOURCES:
            raise RefusedError(f"`source` is one of {', '.join(SOURCES)}.")
        if not (type(cut) is int if source == "auto_slice" else cut is None):
            raise RefusedError("An `auto_slice`, and nothing else, has a `slice_quantity`.")
        user_id = self._known(body.get("user_id"))
        defaults = {"product": "CNC", "order_type": "MARKET"}
        form = Form(defaults | {key: value for key, value in body.items() if value is not None})
        wanted = order_request(form, str(body.get("variety", "regular")))
        placed: list[Order] = []
        for quantity in _slices(wanted.quantity, wanted.quantity if cut is None else cut):
            first = placed[0].order_id if placed else None
            part = replace(wanted, quantity=quantity, source=source, slice_of=first)
            placed.append(self._venue.place(user_id, part, by_hand=True))
        ids = [order.order_id for order in placed]
        return answer({"order_id": ids[0], "order_ids": ids, "status": placed[0].status})

    async def modify(self, request: web.Request) -> web.Response:
        """Change an order by hand; what the body leaves out stays."""
        user_id = self._known(request.match_info["user_id"])
        change = order_change(Form(await _body(request)))
        order = self._venue.modify(user_id, request.match_info["order_id"], change)
        return answer({"order_id": order.order_id, "status": order.status})

    async def prices(self, request: web.Request) -> web.Response:
        """Give every instrument's last price."""
        del request
        self._venue.now()
        return answer({key: text(last) for key, last in self._venue.market.tape.last.items()})

    async def cancel(self, request: web.Request) -> web.Response:
        """Cancel an order by hand."""
        user_id = self._known(request.match_info["user_id"])
        order = self._venue.cancel(user_id, request.match_info["order_id"])
        return answer({"order_id": order.order_id, "status": order.status})

    async def truth(self, request: web.Request) -> web.Response:
        """Give all the exchange knows of one account, over all days."""
        user_id = self._known(request.match_info["user_id"])
        self._venue.now()
        return answer(truth.account(self._venue.market, user_id))

    async def tradebook(self, request: web.Request) -> web.Response:
        """Give all trades of earlier days as the broker's tradebook CSV."""
        user_id = self._known(request.match_info["user_id"])
        self._venue.now()
        rows = truth.tradebook(self._venue.market.accounts[user_id])
        return web.Response(text=rows, content_type="text/csv")

    async def clock(self, request: web.Request) -> web.Response:
        """Move the clock, to a time or by seconds; `frozen` stops it or lets it run."""
        body = await _body(request)
        now = self._venue.now()
        try:
            if "now" in body:
                now = in_zone(datetime.fromisoformat(body["now"]))
            else:
                seconds = float(body.get("advance_seconds", 0))
                now = datetime.fromtimestamp(now.timestamp() + seconds, IST)
        except (TypeError, ValueError, OverflowError) as error:
            raise RefusedError("Give `now` as an ISO time, or `advance_seconds`.") from error
        frozen = body.get("frozen")
        self._venue.set_clock(now, frozen=None if frozen is None else bool(frozen))
        return answer({"now": self._now(), "frozen": self._venue.clock.stands_at is not None})

    async def logout(self, request: web.Request) -> web.Response:
        """Kill the sessions of one account, or of all."""
        body = await _body(request)
        users = [self._known(body["user_id"])] if "user_id" in body else list(self._venue.sessions)
        for user_id in users:
            self._venue.logout(user_id)
        return answer({"logged_out": len(users)})

    async def arm(self, request: web.Request) -> web.Response:
        """Arm a fault."""
        body = await _body(request)
        user_id = body.pop("user_id", None)
        if body.get("kind") not in KINDS:
            raise RefusedError(f"`kind` is one of {', '.join(KINDS)}.")
        keys = self._keys(user_id) if user_id is not None else ()
        right: dict[str, tuple[type, ...]] = dict.fromkeys(("times", "status", "seed"), (int,))
        right |= dict.fromkeys(("seconds", "probability"), (int, float))
        if any(not isinstance(body[name], right.get(name, (str,))) for name in body):
            raise RefusedError("A field of the fault has the wrong type.")
        try:
            self._faults.armed.append(Fault(keys=keys, **body))
        except TypeError as error:
            raise RefusedError("A fault has no such field.") from error
        return answer({"armed": len(self._faults.armed)})

    def _keys(self, user_id: object) -> tuple[str, ...]:
        """Give what requests of an account bear, whatever the broker."""
        session = self._venue.sessions[self._known(user_id)]
        return tuple(key for face in self._faces for key in face.credentials(session).values())

    async def disarm(self, request: web.Request) -> web.Response:
        """Forget every fault."""
        del request
        self._faults.armed.clear()
        return answer({"armed": 0})

    def _now(self) -> str:
        return self._venue.now().isoformat()
