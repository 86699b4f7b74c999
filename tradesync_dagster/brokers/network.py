"""aiohttp behind the transport: one try over the wire, and its failures in our words.

Errors here are made from the kind of failure, never from its text, which names URLs. What belongs
here: aiohttp. What does not: whether to try again, how often to ask (``transport``).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import aiohttp
from yarl import URL

_CHUNK = 64 * 1024
FAILURES = (TimeoutError, aiohttp.ClientError, OSError)
"""What a try may end in."""


class BodyTooLongError(Exception):
    """The body is longer than allowed."""


class _SendOnce:
    """Stops aiohttp from quietly repeating GET, PUT and DELETE on a lost connection.

    A redirect is a repetition too.
    """

    def __init__(self) -> None:
        self._sent = False

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if self._sent:
            raise aiohttp.ClientConnectionError
        self._sent = True
        return await handler(request)


def open_session(
    timeout_seconds: float, connect_seconds: float, *, once: bool = False
) -> aiohttp.ClientSession:
    """Open a pool of connections; accounts share no cookies, and who calls limits their number.

    Args:
        timeout_seconds: For an answer.
        connect_seconds: For a connection.
        once: Whether it is for one request alone, which is not repeated and follows no redirect.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=connect_seconds),
        middlewares=(_SendOnce(),) if once else (),
    )


class Received(NamedTuple):
    """A whole answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def send(
    session: aiohttp.ClientSession, method: str, url: URL, most_bytes: int, content: dict[str, Any]
) -> Received:
    """Send once, follow no redirect, and read the whole answer.

    Args:
        session: The connections.
        method: HTTP's.
        url: Where to.
        most_bytes: Longest body that is read.
        content: aiohttp's ``headers``, ``data`` and ``json``.

    Raises:
        BodyTooLongError: The body is longer than ``most_bytes``.
        TimeoutError, aiohttp.ClientError, OSError: Those of ``FAILURES``; see ``failure``.
    """
    async with session.request(
        method, url, allow_redirects=False, middlewares=(_SendOnce(),), **content
    ) as response:
        body = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > most_bytes:
                raise BodyTooLongError
        return Received(response.status, response.headers, bytes(body))


def failure(error: Exception, host: str | None, seconds: float) -> tuple[str, bool]:
    """Tell what a failed try means.

    Args:
        error: One of ``FAILURES``.
        host: Who was asked.
        seconds: How long an answer was waited for.

    Returns:
        What happened in words, and whether the request may have reached the broker.
    """
    name = type(error).__name__
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return f"no connection to {host} ({name})", False
    if isinstance(error, TimeoutError):
        return f"no answer from {host} within {seconds:g} s", True
    return f"the connection to {host} was lost ({name})", True
