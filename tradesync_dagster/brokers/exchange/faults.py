"""Faults on demand: when one strikes, and what it does to the way a request is answered.

Belongs here: the armed faults, which request each fits, and what happens around a request.
Does not belong here: changing an answer that was made (fault_answers.py), arming (control.py has
the route), any broker's wire format: a fault works on requests and answers of every face.

Instead of the right answer, and the request is not carried out:

- `error`: the broker's own error, in its own words (`status`, `error_type`, `message`)
- `status`: a gateway's bare status, such as 429, with `retry_after` as its header if given
- `html`: a gateway's page with `status`
- `hang`: no answer, until the client gives up
- `reset`: the connection dies
- `expired`: the token is not known any more

On the way to the right answer, and the request is carried out:

- `slow`: after `seconds`
- `lost`: the connection dies before the answer
- `undone`: a change or cancellation is acknowledged, and not done

and all kinds of fault_answers.py, which change the answer afterwards.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

from aiohttp import web
from aiohttp.typedefs import Handler

from tradesync_dagster.brokers.exchange.faces import VENUE
from tradesync_dagster.brokers.exchange.fault_answers import CHANGES
from tradesync_dagster.brokers.exchange.orders import RefusedError
from tradesync_dagster.brokers.exchange.venue import UNDONE

_CREDENTIALS = ("Authorization", "Auth", "Sid", "api-key")


@dataclass(slots=True)
class Fault:
    """One armed fault; an empty field fits every request.

    `path` is how the path begins, or a route's template such as `/orders/{variety}/{order_id}`.
    `keys` are credentials, one of which the request must bear. `times` counts down; 0 is for ever.
    `probability` is drawn for each request that fits, from `seed`, so that a run can be repeated.
    """

    kind: str
    path: str = ""
    method: str = ""
    keys: tuple[str, ...] = ()
    times: int = 1
    probability: float = 1.0
    seed: int = 0
    status: int = 502
    error_type: str = "GeneralException"
    message: str = "Something went wrong. Try again later."
    seconds: float = 1.0
    retry_after: str = ""
    rng: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)  # noqa: S311 - a game of chance, to be repeated

    def fits(self, request: web.Request) -> bool:
        """Whether this request may suffer it."""
        borne = (*request.headers.values(), request.query_string)
        return (
            self.method in ("", request.method)
            and (request.path.startswith(self.path) or _template(request) == self.path)
            and (not self.keys or any(key in text for key in self.keys for text in borne))
        )


def _template(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""


class Faults:
    """All armed faults."""

    def __init__(self) -> None:
        self.armed: list[Fault] = []

    def take(self, request: web.Request) -> Fault | None:
        """Give the first fault that fits and strikes, and use it up by one."""
        for fault in self.armed:
            if fault.fits(request) and fault.rng.random() < fault.probability:
                if fault.times == 1:
                    self.armed.remove(fault)
                fault.times = max(0, fault.times - 1)
                return fault
        return None

    async def suffer(
        self, fault: Fault, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        """Answer as the fault has it.

        Raises:
            RefusedError: the fault is the broker's error; the face asked puts it in its words.
        """
        if fault.kind in _INSTEAD:
            return await _INSTEAD[fault.kind](fault, request)
        if fault.kind in _AROUND:
            return await _AROUND[fault.kind](fault, request, handler)
        response = await handler(request)
        if not isinstance(response, web.Response):
            return response
        return CHANGES[fault.kind](response, fault, request.app[VENUE].now())


async def _error(fault: Fault, _: web.Request) -> web.Response:
    raise RefusedError(fault.message, fault.error_type, fault.status)


async def _status(fault: Fault, _: web.Request) -> web.Response:
    headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
    return web.Response(text=f"{fault.status}\n", status=fault.status, headers=headers)


async def _html(fault: Fault, _: web.Request) -> web.Response:
    page = f"<html><body><h1>{fault.status} Bad Gateway</h1></body></html>"
    return web.Response(text=page, status=fault.status, content_type="text/html")


async def _hang(_: Fault, request: web.Request) -> web.Response:
    transport = request.transport
    while transport is not None and not transport.is_closing():  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.02)
    return web.Response()


async def _reset(_: Fault, request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _expired(_: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    headers = request.headers.copy()
    for name in _CREDENTIALS:
        if name in headers:
            headers[name] = f"{headers[name][:-8]}long-ago"
    return await handler(request.clone(headers=headers))


async def _slow(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    await asyncio.sleep(fault.seconds)
    return await handler(request)


async def _lost(_: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    if request.transport is not None:
        request.transport.abort()
    return response


async def _undone(_: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    before = UNDONE.set(True)
    try:
        return await handler(request)
    finally:
        UNDONE.reset(before)


_INSTEAD: dict[str, Callable[[Fault, web.Request], Awaitable[web.Response]]] = {
    "error": _error,
    "status": _status,
    "html": _html,
    "hang": _hang,
    "reset": _reset,
}
_AROUND: dict[str, Callable[[Fault, web.Request, Handler], Awaitable[web.StreamResponse]]] = {
    "expired": _expired,
    "slow": _slow,
    "lost": _lost,
    "undone": _undone,
}
KINDS = (*_INSTEAD, *_AROUND, *CHANGES)
