"""Faults on demand: answers a broker gives on a bad day.

Belongs here: the list of armed faults and what each does to a request.
Does not belong here: when to arm them (control.py has the route).

Kinds: `error` (the broker's JSON error), `html` (a gateway page with status 502 or the one given),
`cut` (the right answer, cut off half way), `empty` (status 200 and no body), `null` (data: null),
`slow` (waits `seconds`, then the right answer), `lost` (the request is carried out, the
connection dies before the answer).
"""

import asyncio
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from tradesync_dagster.brokers.exchange.kite import answer, failure
from tradesync_dagster.brokers.exchange.orders import RefusedError

KINDS = ("error", "html", "cut", "empty", "null", "slow", "lost")


@dataclass(slots=True)
class Fault:
    """One armed fault; `times` counts down, an empty field fits every request."""

    kind: str
    path: str = ""
    method: str = ""
    user_key: str = ""
    times: int = 1
    status: int = 502
    error_type: str = "GeneralException"
    message: str = "Something went wrong. Try again later."
    seconds: float = 1.0

    def fits(self, request: web.Request) -> bool:
        """Whether this request shall suffer it."""
        return (
            request.path.startswith(self.path)
            and self.method in ("", request.method)
            and self.user_key in request.headers.get("Authorization", "")
        )


class Faults:
    """All armed faults."""

    def __init__(self) -> None:
        self.armed: list[Fault] = []

    def take(self, request: web.Request) -> Fault | None:
        """Give the first fault that fits, and use it up by one."""
        for fault in self.armed:
            if fault.fits(request):
                fault.times -= 1
                if fault.times <= 0:
                    self.armed.remove(fault)
                return fault
        return None

    async def suffer(
        self, fault: Fault, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        """Answer as the fault has it."""
        if fault.kind == "error":
            return failure(RefusedError(fault.message, fault.error_type, fault.status))
        if fault.kind == "html":
            page = "<html><body><h1>502 Bad Gateway</h1></body></html>"
            return web.Response(text=page, status=fault.status, content_type="text/html")
        if fault.kind == "empty":
            return web.Response(body=b"", content_type="application/json")
        if fault.kind == "null":
            return answer(None)
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        response = await handler(request)
        if fault.kind == "cut" and isinstance(response, web.Response):
            body = bytes(response.body or b"")  # type: ignore[arg-type]
            return web.Response(body=body[: len(body) // 2], content_type="application/json")
        if fault.kind == "lost" and request.transport is not None:
            request.transport.abort()
        return response
